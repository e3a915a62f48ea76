"""Where the records of a block of CSV begin and end: on bytes, before any cell is looked at."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

Positions = NDArray[np.int64]

COMMA = b","
_NEWLINE, _RETURN, _QUOTE, _BACKSLASH = b'\n\r"\\'

# Possessive throughout, so that no input makes it backtrack. A quote opens a cell only as its first
# byte. Text may follow the closing quote, but not where a line end was quoted: then it is far
# likelier that a quote was left open and the next cell's quote closed it.
# Written for commas, which these patterns have for nothing else than the separator.
_WITHIN_LINE = rb'"(?>[^"\n]+|"")*+'
_WITHIN = rb'(?>[^"]+|"")*+'
_CELL = (
    rb"(?:" + _WITHIN_LINE + rb'"[^,\n]*+'
    rb'|"' + _WITHIN + rb'"(?:\r[^,\n]*+)?(?=[,\n])'
    rb'|[^",\n][^,\n]*+'
    rb"|)"
)
_RECORD = _CELL + rb"(?:," + _CELL + rb")*+\n"
_LEFT_OPEN = rb"(?:" + _CELL + rb",)*+" + _WITHIN_LINE + rb"\n" + _WITHIN + rb'"[^,\r\n"]'
_CELL_WITHOUT_RETURN = rb'(?:"' + _WITHIN + rb'"[^,\r]*+|[^",\r][^,\r]*+|)'
_WITHOUT_RETURN = _CELL_WITHOUT_RETURN + rb"(?:," + _CELL_WITHOUT_RETURN + rb")*+"
_ESCAPED_QUOTE = rb'(?:^|,)"(?>[^"\\]|""|\\(?!"))*+\\"[^",\r\n]'


@cache
def _pattern(written_for_commas: bytes, separator: bytes) -> re.Pattern[bytes]:
    return re.compile(written_for_commas.replace(COMMA, re.escape(separator)))


@dataclass(frozen=True)
class Records:
    """The records of a block: byte positions without the line end, blank lines left out."""

    starts: Positions
    ends: Positions
    lines: Positions
    """How many line ends of the block stand before each record."""
    broken: Positions
    """The records (their indices) that are a line with a quote left open."""
    length: int
    """Bytes of the block that these records (and blank lines) take up; the rest is incomplete."""
    line_ends: int
    """How many line ends these bytes hold."""


def find_records(block: bytes, separator: bytes = COMMA) -> Records:
    """The complete records at the beginning of a block; a newline in a quoted cell ends none.

    Where every quote stands where one belongs, a record ends at each line end with an even number
    of quotes before it: the case of almost every report. Else a regular expression walks record by
    record.
    """
    data = np.frombuffer(block, dtype=np.uint8)
    newlines = np.flatnonzero(data == _NEWLINE)
    quotes = np.flatnonzero(data == _QUOTE)
    broken: list[int] = []
    if not len(quotes):
        stops = newlines
    elif _in_place(data, quotes, separator):
        stops = newlines[np.searchsorted(quotes, newlines) % 2 == 0]
    else:
        stops, broken = _walk(block, separator)
    return _records(data, stops, newlines, np.array(broken, dtype=np.int64))


def picked(block: bytes, records: Records, chosen: NDArray[np.bool_]) -> tuple[bytes, Records]:
    """Some of the records of a block, with a block of these alone; they keep their lines."""
    starts, ends = records.starts[chosen], records.ends[chosen]
    pieces = zip(starts.tolist(), ends.tolist(), strict=True)
    text = b"".join(block[start:end] + b"\n" for start, end in pieces)
    stops = np.cumsum(ends - starts + 1)
    broken = np.zeros(len(chosen), np.bool_)
    broken[records.broken] = True
    return text, Records(
        stops - (ends - starts + 1),
        stops - 1,
        records.lines[chosen],
        np.flatnonzero(broken[chosen]),
        len(text),
        text.count(b"\n"),
    )


def joined(blocks: Sequence[Records]) -> Records:
    """The records of blocks that are put one after the other; they keep their lines."""
    lengths = np.cumsum([0, *(each.length for each in blocks)])
    counts = np.cumsum([0, *(len(each.starts) for each in blocks)])
    return Records(
        np.concatenate([each.starts + at for each, at in zip(blocks, lengths, strict=False)]),
        np.concatenate([each.ends + at for each, at in zip(blocks, lengths, strict=False)]),
        np.concatenate([each.lines for each in blocks]),
        np.concatenate([each.broken + at for each, at in zip(blocks, counts, strict=False)]),
        int(lengths[-1]),
        sum(each.line_ends for each in blocks),
    )


def with_bare_returns(block: bytes, records: Records, separator: bytes = COMMA) -> list[int]:
    """The records (their indices) that hold a carriage return outside quotes."""
    returns = np.flatnonzero(np.frombuffer(block, dtype=np.uint8) == _RETURN)
    holders = np.searchsorted(records.starts, returns, side="right") - 1
    within = (holders >= 0) & (returns < records.ends[holders])
    whole = _pattern(_WITHOUT_RETURN, separator)
    return [
        record
        for record in np.unique(holders[within]).tolist()
        if not whole.fullmatch(block, records.starts[record], records.ends[record])
    ]


def with_escaped_quotes(block: bytes, records: Records, separator: bytes = COMMA) -> list[int]:
    """The records (their indices) with a quoted cell that has `\\"` where CSV has `""`."""
    data = np.frombuffer(block, dtype=np.uint8)
    slashes = np.flatnonzero(data[:-2] == _BACKSLASH)
    slashes = slashes[data[slashes + 1] == _QUOTE]
    third = data[slashes + 2]
    positions = slashes[(third != _QUOTE) & (third != _NEWLINE) & (third != _RETURN)]
    holders = np.searchsorted(records.starts, positions, side="right") - 1
    sign = _pattern(_ESCAPED_QUOTE, separator)
    return [
        record
        for record in np.unique(holders[holders >= 0]).tolist()
        if sign.search(block[records.starts[record] : records.ends[record]])
    ]


def _in_place(data: NDArray[np.uint8], quotes: Positions, separator: bytes) -> bool:
    """Whether odd quotes follow a separator or a quote, and even ones precede one or the other."""
    opening, closing = quotes[0::2], quotes[1::2]
    if opening[0] == 0:
        opening = opening[1:]
    if len(closing) and closing[-1] == len(data) - 1:
        closing = closing[:-1]
    before, after = data[opening - 1].tobytes(), data[closing + 1].tobytes()
    return not (
        before.translate(None, separator + b'\n"') or after.translate(None, separator + b'\r\n"')
    )


def _walk(block: bytes, separator: bytes) -> tuple[Positions, list[int]]:
    """The position of each record's line end, and which of the records are broken lines."""
    stops: list[int] = []
    broken: list[int] = []
    position = 0
    record, left_open = _pattern(_RECORD, separator), _pattern(_LEFT_OPEN, separator)
    while True:
        if match := record.match(block, position):
            position = match.end()
        elif left_open.match(block, position):
            broken.append(len(stops))
            position = block.index(b"\n", position) + 1
        else:
            return np.array(stops, dtype=np.int64), broken
        stops.append(position - 1)


def _records(
    data: NDArray[np.uint8], stops: Positions, newlines: Positions, broken: Positions
) -> Records:
    if not len(stops):
        return Records(stops, stops, stops, broken, 0, 0)
    starts = np.concatenate([[0], stops[:-1] + 1])
    returns = (stops > starts) & (data[stops - 1] == _RETURN)
    ends = stops - returns
    lines = np.searchsorted(newlines, starts)
    filled = ends > starts
    is_broken = np.zeros(len(stops), dtype=bool)
    is_broken[broken] = True
    return Records(
        starts[filled],
        ends[filled],
        lines[filled].astype(np.int64),
        np.flatnonzero(is_broken[filled]),
        int(stops[-1]) + 1,
        int(np.searchsorted(newlines, stops[-1], side="right")),
    )
