"""Where the records of a block of CSV begin and end: on bytes, before any cell is looked at."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Positions = NDArray[np.int64]

_NEWLINE, _RETURN, _QUOTE = 10, 13, 34

# A quote opens a cell only as its first byte; possessive, so that no input makes it backtrack.
_CELL = rb'(?:"(?>[^"]+|"")*+"[^,\n]*+|[^",\n][^,\n]*+|)'
_RECORD = re.compile(_CELL + rb"(?:," + _CELL + rb")*+\n")


@dataclass(frozen=True)
class Records:
    """The records of a block: byte positions without the line end, blank lines left out."""

    starts: Positions
    ends: Positions
    lines: Positions
    """How many line ends of the block stand before each record."""
    length: int
    """Bytes of the block that these records (and blank lines) take up; the rest is incomplete."""


def find_records(block: bytes) -> Records:
    """The complete records at the beginning of a block; a newline in a quoted cell ends none.

    Where every line holds an even number of quotes, each line is a record: two passes over the
    bytes, and the case of almost every report. Else a regular expression walks record by record.
    """
    data = np.frombuffer(block, dtype=np.uint8)
    newlines = np.flatnonzero(data == _NEWLINE)
    if not len(newlines):
        return _records(data, newlines, newlines, 0)
    line_starts = np.concatenate([[0], newlines[:-1] + 1])
    quotes = (data[: newlines[-1] + 1] == _QUOTE).view(np.uint8)
    if not np.bitwise_xor.reduceat(quotes, line_starts).any():
        return _records(data, line_starts, newlines, int(newlines[-1]) + 1, newlines)
    return _walk(block, data, newlines)


def _walk(block: bytes, data: NDArray[np.uint8], newlines: Positions) -> Records:
    ends = []
    position = 0
    while match := _RECORD.match(block, position):
        position = match.end()
        ends.append(position - 1)
    stops = np.array(ends, dtype=np.int64)
    starts = np.concatenate([[0], stops[:-1] + 1]) if ends else stops
    return _records(data, starts, stops, position, newlines)


def _records(
    data: NDArray[np.uint8],
    starts: Positions,
    stops: Positions,
    length: int,
    newlines: Positions | None = None,
) -> Records:
    if not len(stops):
        return Records(starts, stops, stops, length)
    returns = (stops > starts) & (data[stops - 1] == _RETURN)
    ends = stops - returns
    lines = np.searchsorted(stops if newlines is None else newlines, starts)
    filled = ends > starts
    return Records(starts[filled], ends[filled], lines[filled].astype(np.int64), length)
