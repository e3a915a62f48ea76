"""Prometheus text to charges: blocks of whole lines in, columns of text out.

A block is never looked at line by line. Its quotes and line ends are found once; every second quote
ends a label's value; a label's name is told by its first and last eight bytes and its length; and
a column is an array of views into the block, copied once at the end.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from costwire_focus.amounts import READABLE
from costwire_focus.errors import Unreadable
from costwire_focus.exposition import COPY_LABEL, FAMILY
from costwire_focus.exposition.keys import NameKeys

Positions = NDArray[np.int64]

_QUOTE, _BACKSLASH, _NEWLINE, _HASH = b'"\\\n#'
_EQUALS, _COMMA, _OPEN, _CLOSE, _BLANK = b"=,{} "
_AMOUNT = f"^NaN$|{READABLE}"
_LEGAL_FAMILY = "^[a-zA-Z_:][a-zA-Z0-9_:]*$"
_SHOWN = 60
_PADDING = b"\0" * 16
_INLINE = 12
"""Bytes of a text that an Arrow view holds itself."""
_LOW_HALF = np.uint64(0xFFFFFFFF)
_HALF = np.uint64(32)
_KEEP = np.array([(1 << (8 * n)) - 1 for n in range(8)] + [2**64 - 1], dtype=np.uint64)


@dataclass(frozen=True)
class Samples:
    """The samples of a block, in order."""

    labels: pa.Table
    """A text column per label, null where the label is absent or empty."""
    families: pa.Array
    values: pa.Array
    """The text after the labels: the value, and a timestamp where there is one."""


class Parser:
    """Parses the blocks of one exposition; labels it has not met before are added as they come."""

    def __init__(self, labels: Sequence[str] = ()) -> None:
        """`labels`: the labels that are to become columns, in order, whether or not they occur."""
        self._keys = NameKeys(labels)

    def charges(self, block: bytes, columns: Mapping[str, str]) -> pa.Table:
        """The labels of each sample under their columns' names; the copy label is left out.

        `columns`: label -> column. Raises `Unreadable` for a label that is not among them, for
        a sample that is no charge's, and for a block that is not whole lines of samples.
        """
        parsed = self._parse(block)
        table = parsed.labels()
        if COPY_LABEL in table.column_names:
            table = table.drop_columns(COPY_LABEL)
        unknown = [label for label in table.column_names if label not in columns]
        if unknown:
            raise Unreadable(f"parse the exposition: label {unknown[0]!r} is none of its columns")
        _check_samples(parsed)
        return table.rename_columns([columns[label] for label in table.column_names])

    def samples(self, block: bytes) -> Samples:
        """Everything that a block of any exporter's text says, comments aside."""
        parsed = self._parse(block)
        return Samples(parsed.labels(), parsed.families(), parsed.values())

    def _parse(self, block: bytes) -> _Block:
        if not _is_utf8(block):
            raise Unreadable("parse the exposition: it is not UTF-8")
        return _Block(_without_comments(block), self._keys)


def _check_samples(parsed: _Block) -> None:
    """Each sample is one of the family, and its value is an amount or `NaN`."""
    families, values = parsed.families(), parsed.values()
    for found, right, what in (
        (families, pc.equal(families, FAMILY), "family"),
        (values, pc.match_substring_regex(values, _AMOUNT), "value"),
    ):
        wrong = pc.index(right, False).as_py()
        if wrong >= 0:
            raise Unreadable(
                f"parse the exposition: sample {wrong + 1} of the block has another {what} "
                f"than a charge has: {found[wrong].as_py()[:_SHOWN]!r}"
            )


def _without_comments(block: bytes) -> bytes:
    """The sample lines alone; the block ends with a line end, or is empty."""
    if not block:
        return block
    if not block.endswith(b"\n"):
        raise Unreadable("parse the exposition: it breaks off within a line")
    data = np.frombuffer(block, dtype=np.uint8)
    ends = np.flatnonzero(data == _NEWLINE) + 1
    starts = np.concatenate([[0], ends[:-1]])
    idle = (data[starts] == _HASH) | (ends - starts == 1)
    if not idle.any():
        return block
    edges = np.flatnonzero(np.diff(np.concatenate([[True], idle, [True]]).astype(np.int8)))
    spans = edges.reshape(-1, 2)
    return b"".join(block[starts[first] : ends[last - 1]] for first, last in spans.tolist())


class _Block:
    """The structure of a block of sample lines: where each label's name and value begin and end."""

    def __init__(self, block: bytes, keys: NameKeys) -> None:
        padded = block + _PADDING
        self._size = len(block)
        self._buffer = pa.py_buffer(padded)
        self._data = np.frombuffer(padded, dtype=np.uint8)
        self._words: NDArray[np.uint64] = np.ndarray(
            (len(padded) - 7,), dtype="<u8", buffer=padded, strides=(1,)
        )
        self._keys = keys
        self._line_ends: Positions = np.flatnonzero(self._data[: self._size] == _NEWLINE)
        self._line_starts = np.concatenate([[0], self._line_ends[:-1] + 1])[: len(self._line_ends)]
        self._has_escapes = bool((self._data[: self._size] == _BACKSLASH).any())
        self._find_labels()

    def _find_labels(self) -> None:
        quotes = self._quotes()
        if len(quotes) % 2:
            raise self._broken(int(quotes[-1]), "a label's value is not closed")
        self._starts, self._ends = quotes[0::2] + 1, quotes[1::2]
        first = np.searchsorted(self._starts, self._line_starts)
        count = np.diff(np.append(first, len(self._starts)))
        self._rows = np.repeat(np.arange(len(count)), count)
        if (self._ends > self._line_ends[self._rows]).any():
            raise Unreadable("parse the exposition: a line ends within a label's value")
        self._labelled, self._bare = np.flatnonzero(count), np.flatnonzero(count == 0)
        self._first, self._last = first[self._labelled], (first + count - 1)[self._labelled]
        names = np.empty(len(self._starts), dtype=np.int64)
        names[1:] = self._ends[:-1] + 2
        self._braces = self._opening_braces()
        names[self._first] = self._braces + 1
        self._check_between(names)
        columns = self._keys.find(self._words, self._data, names, self._starts - 2)
        # Sorted by column, and within a column by row: numpy sorts 16 bits by radix.
        self._order = np.argsort(columns.astype(np.int16), kind="stable")
        self._bounds = np.searchsorted(columns[self._order], np.arange(len(self._keys.names) + 1))

    def _quotes(self) -> Positions:
        """The quotes that begin or end a value: not preceded by an odd number of backslashes."""
        quotes = np.flatnonzero(self._data[: self._size] == _QUOTE)
        if not self._has_escapes:
            return quotes
        escaped = quotes[self._data[quotes - 1] == _BACKSLASH]
        if not len(escaped):
            return quotes
        slashes = np.flatnonzero(self._data[: self._size] == _BACKSLASH)
        run_starts = np.flatnonzero(np.diff(slashes, prepend=-2) != 1)
        last = np.searchsorted(slashes, escaped) - 1
        first = run_starts[np.searchsorted(run_starts, last, side="right") - 1]
        return np.setdiff1d(quotes, escaped[(last - first) % 2 == 0], assume_unique=True)

    def _opening_braces(self) -> Positions:
        """The `{` of each line that has labels; a family's name cannot hold one."""
        braces = np.flatnonzero(self._data[: self._size] == _OPEN)
        at = np.searchsorted(braces, self._line_starts[self._labelled])
        if len(at) and at[-1] >= len(braces):
            raise self._broken(int(self._line_starts[self._labelled[-1]]), "labels without a brace")
        opening: Positions = braces[at]
        return opening

    def _check_between(self, names: Positions) -> None:
        """What stands between names and values is `="`, `",` and `"}` or `",}`: nothing else."""
        inner = np.ones(len(names), dtype=bool)
        inner[self._first] = False
        wrong = (self._data[self._starts - 2] != _EQUALS) | (names >= self._starts - 2)
        wrong[1:] |= inner[1:] & (self._data[self._ends[:-1] + 1] != _COMMA)
        if wrong.any():
            position = int(self._starts[np.argmax(wrong)])
            raise self._broken(position, 'a label is not written name="value"')
        closing = self._ends[self._last] + 1
        self._closing = closing + (self._data[closing] == _COMMA)
        wrong = (self._data[self._closing] != _CLOSE) | (self._data[self._closing + 1] != _BLANK)
        wrong |= self._closing + 2 >= self._line_ends[self._labelled]
        if wrong.any():
            position = int(self._closing[np.argmax(wrong)])
            raise self._broken(position, "the labels are not closed, or no value follows")

    def _broken(self, position: int, reason: str) -> Unreadable:
        line = int(np.searchsorted(self._line_ends, position)) + 1
        return Unreadable(f"parse the exposition: {reason} (line {line} of the block)", line=line)

    def labels(self) -> pa.Table:
        """One column for each known label, in the order in which they became known."""
        names = self._keys.names
        arrays = [self._column(number) for number in range(len(names))]
        return pa.table(dict(zip(names, arrays, strict=True)))

    def _column(self, number: int) -> pa.Array:
        mine = self._order[self._bounds[number] : self._bounds[number + 1]]
        rows = self._rows[mine]
        if (rows[1:] == rows[:-1]).any():
            raise Unreadable(f"parse the exposition: {self._keys.names[number]} stands twice")
        texts = self._texts(self._starts[mine], self._ends[mine], rows, len(self._line_starts))
        return self._unescaped(texts)

    def _texts(self, starts: Positions, ends: Positions, rows: Positions, height: int) -> pa.Array:
        """An Arrow array of the texts between these positions, at these rows, null elsewhere."""
        lengths = ends - starts
        filled = lengths > 0
        if not filled.all():
            starts, lengths, rows = starts[filled], lengths[filled], rows[filled]
        views = np.zeros((height, 2), dtype=np.uint64)
        head = self._words[starts]
        prefix = head & _KEEP[np.minimum(lengths, 4)]
        inline = (self._words[starts + 4]) & _KEEP[np.clip(lengths - 4, 0, 8)]
        elsewhere = starts.astype(np.uint64) << _HALF
        short = lengths <= _INLINE
        views[rows, 0] = lengths.astype(np.uint64) | ((prefix & _LOW_HALF) << _HALF)
        views[rows, 1] = np.where(short, inline, elsewhere)
        validity = None
        if len(rows) < height:
            valid = np.zeros(height, dtype=np.uint8)
            valid[rows] = 1
            validity = pa.py_buffer(np.packbits(valid, bitorder="little"))
        array = pa.Array.from_buffers(
            pa.string_view(), height, [validity, pa.py_buffer(views), self._buffer]
        )
        return array.cast(pa.string())

    def _unescaped(self, texts: pa.Array) -> pa.Array:
        if not self._has_escapes or not pc.any(pc.match_substring(texts, "\\")).as_py():
            return texts
        plain = pl.Series(texts).str.replace_many(["\\\\", '\\"', "\\n"], ["\\", '"', "\n"])
        return plain.to_arrow().cast(pa.string())

    def families(self) -> pa.Array:
        """The name before the labels (or before the value, where there are none)."""
        ends = np.empty_like(self._line_starts)
        ends[self._labelled] = self._braces
        blanks = self._blanks()
        braces = (self._data[blanks - 2] == _OPEN) & (self._data[blanks - 1] == _CLOSE)
        ends[self._bare] = blanks - 2 * braces
        unnamed = ends <= self._line_starts
        if unnamed.any():
            position = int(self._line_starts[np.argmax(unnamed)])
            raise self._broken(position, "a sample has no name")
        families = self._texts(self._line_starts, ends, np.arange(len(ends)), len(ends))
        distinct = pc.unique(families)
        illegal = pc.filter(distinct, pc.invert(pc.match_substring_regex(distinct, _LEGAL_FAMILY)))
        if len(illegal):
            shown = illegal[0].as_py()[:_SHOWN]
            raise Unreadable(f"parse the exposition: {shown!r} is no name of a metric")
        return families

    def values(self) -> pa.Array:
        """The text from after the labels to the end of the line."""
        starts = np.empty_like(self._line_starts)
        starts[self._labelled] = self._closing + 2
        starts[self._bare] = self._blanks() + 1
        return self._texts(starts, self._line_ends, np.arange(len(starts)), len(starts))

    def _blanks(self) -> Positions:
        """The first blank of each line without labels."""
        if not len(self._bare):
            return self._bare
        blanks = np.flatnonzero(self._data[: self._size] == _BLANK)
        at = np.searchsorted(blanks, self._line_starts[self._bare])
        first: Positions = np.append(blanks, self._size)[at]
        missing = first + 1 >= self._line_ends[self._bare]
        if missing.any():
            position = int(self._line_starts[self._bare[np.argmax(missing)]])
            raise self._broken(position, "no value follows a name")
        return first


def _is_utf8(block: bytes) -> bool:
    try:
        pa.array([block], pa.binary()).cast(pa.string())
    except pa.ArrowInvalid:
        return False
    return True
