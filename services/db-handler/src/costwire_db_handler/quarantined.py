"""Quarantined rows: their fields, and taking them in pieces of bounded size."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Literal

FIELDS = ("file", "line", "raw", "column", "rule", "reason")
Row = dict[str, Any]
Origin = Literal["exporter", "handler"]
"""Which side quarantined a row."""

_PIECE_BYTES = 8 << 20


def pieces(rows: Iterable[Row], most: int) -> Iterator[list[Row]]:
    """Rows in pieces of at most so many, or fewer where they are long."""
    piece: list[Row] = []
    size = 0
    for row in rows:
        piece.append(row)
        size += len(row["raw"])
        if len(piece) >= most or size >= _PIECE_BYTES:
            yield piece
            piece, size = [], 0
    if piece:
        yield piece
