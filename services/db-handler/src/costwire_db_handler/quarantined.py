"""Quarantined rows: their fields, and taking them in pieces of bounded size."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate
from typing import Any, Literal

FIELDS = ("file", "line", "raw", "column", "rule", "reason")
LONG_FIELDS = ("file", "raw", "reason")
"""Those that make a row large."""
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
        size += sum(len(row[name].encode()) for name in LONG_FIELDS)
        if len(piece) >= most or size >= _PIECE_BYTES:
            yield piece
            piece, size = [], 0
    if piece:
        yield piece


def fitting(sizes: Sequence[int]) -> int:
    """How many of the first of some rows, whose bytes these are, make a page: one at least."""
    return max(1, sum(total <= _PIECE_BYTES for total in accumulate(sizes)))
