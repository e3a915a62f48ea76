"""Prometheus text to charges: blocks of whole lines in, columns of text out.

A block is never looked at line by line. Its quotes and line ends are found once and cut it into
pieces, by turns what stands around the values and a value. What stands around the values of a
sample is its pattern, which few samples have for themselves; what is to be checked of it is checked
once per pattern. All values of a block become one dictionary, as most of them repeat. A column is
then the values at one place of each sample's pattern, as places in a dictionary of its own.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from costwire_focus.amounts import READABLE
from costwire_focus.errors import Unreadable
from costwire_focus.exposition import COPY_LABEL, FAMILY
from costwire_focus.exposition.patterns import Patterns
from costwire_focus.repeats import plain_table

Bytes = NDArray[np.uint8]
Offsets = NDArray[np.int32]
Positions = NDArray[np.int64]

_QUOTE, _BACKSLASH, _NEWLINE, _HASH, _SMALL_N = b'"\\\n#n'
_COMMA, _OPEN, _CLOSE, _BLANK = b",{} "
_AMOUNT = f"^NaN$|{READABLE}"
_SHOWN = 60
_MOST_BYTES = 1 << 30
"""Of a block: its positions have 32 bits."""
_ABSENT = 1 << 30
"""A place beyond the last piece."""


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
        self._patterns = Patterns(labels)

    def charges(
        self, block: bytes, columns: Mapping[str, str], only: Collection[str] | None = None
    ) -> pa.Table:
        """The labels of each sample under their columns' names; the copy label is left out.

        Shape:  text columns, each a dictionary; `columns`: label -> column; `only`: the columns
                that are wanted (default: all).
        Raises: `Unreadable` for a label that is not among them, for a sample that is no charge's,
                and for a block that is not whole lines of samples.
        """
        parsed = self._parse(block)
        labels = [label for label in self._patterns.names if label != COPY_LABEL]
        unknown = [label for label in labels if label not in columns]
        if unknown:
            raise Unreadable(f"parse the exposition: label {unknown[0]!r} is none of its columns")
        _check_samples(parsed)
        if only is not None:
            labels = [label for label in labels if columns[label] in only]
        return parsed.labels(labels).rename_columns([columns[label] for label in labels])

    def samples(self, block: bytes) -> Samples:
        """Everything that a block of any exporter's text says, comments aside."""
        parsed = self._parse(block)
        families = parsed.families().dictionary_decode()
        labels = plain_table(parsed.labels(self._patterns.names))
        return Samples(labels, families, parsed.values())

    def _parse(self, block: bytes) -> _Block:
        if len(block) > _MOST_BYTES:
            raise Unreadable(f"parse the exposition: a block is larger than {_MOST_BYTES} bytes")
        if not _is_utf8(block):
            raise Unreadable("parse the exposition: it is not UTF-8")
        return _Block(*_sample_lines(block), self._patterns)


def _check_samples(parsed: _Block) -> None:
    """Each sample is one of the family, and its value is an amount or `NaN`."""
    families, values = parsed.families(), parsed.values().dictionary_encode()
    for found, right, what in (
        (families, pc.equal(families.dictionary, FAMILY), "family"),
        (values, pc.match_substring_regex(values.dictionary, _AMOUNT), "value"),
    ):
        if not pc.all(right, min_count=0).as_py():
            wrong = pc.index(right.take(found.indices), False).as_py()
            raise Unreadable(
                f"parse the exposition: sample {wrong + 1} of the block has another {what} "
                f"than a charge has: {found[wrong].as_py()[:_SHOWN]!r}"
            )


def _sample_lines(block: bytes) -> tuple[bytes, Positions]:
    """The lines that are no comments and not empty, and the positions of their line ends."""
    if block and not block.endswith(b"\n"):
        raise Unreadable("parse the exposition: it breaks off within a line")
    data = np.frombuffer(block, dtype=np.uint8)
    ends = np.flatnonzero(data == _NEWLINE)
    starts = _line_starts(ends)
    idle = (data[starts] == _HASH) | (ends == starts)
    if not idle.any():
        return block, ends
    edges = np.flatnonzero(np.diff(np.concatenate([[True], idle, [True]]).astype(np.int8)))
    spans = edges.reshape(-1, 2)
    kept = b"".join(block[starts[first] : ends[last - 1] + 1] for first, last in spans.tolist())
    return kept, np.flatnonzero(np.frombuffer(kept, dtype=np.uint8) == _NEWLINE)


def _line_starts(line_ends: Positions) -> Positions:
    return np.append(0, line_ends + 1)[:-1]


class _Block:
    """A block of sample lines in pieces, and the pattern of each sample."""

    def __init__(self, block: bytes, line_ends: Positions, patterns: Patterns) -> None:
        self._buffer = pa.py_buffer(block)
        self._data: Bytes = np.frombuffer(block, dtype=np.uint8)
        self._line_starts, self._line_ends = _line_starts(line_ends), line_ends
        slashes = np.flatnonzero(self._data == _BACKSLASH)
        self._has_escapes = len(slashes) > 0
        is_quote = self._data == _QUOTE
        is_quote[_escaping(slashes) + 1] = False
        self._cut(np.flatnonzero(is_quote))
        self._find_patterns(patterns)

    def _cut(self, quotes: Positions) -> None:
        """Cut into pieces: those around values, and between them the values, a sample's own last.

        The last two pieces are empty: a gap, and the value of a label that is absent.
        """
        height = len(self._line_starts)
        before = np.searchsorted(quotes, self._line_starts)
        count = np.diff(before, append=len(quotes))
        if (count % 2).any():
            line = int(np.argmax(count % 2)) + 1
            raise _broken("a line ends within a label's value, or a value is not closed", line)
        self._value_starts = self._after_labels(quotes, before, count)
        self._first = (before + 2 * np.arange(height)).astype(np.int32)
        bounds: Offsets = np.empty(len(quotes) + 2 * height + 3, dtype=np.int32)
        own = self._first + count.astype(np.int32) + 1
        inner = np.ones(len(bounds), dtype=bool)
        inner[self._first] = inner[own] = inner[-3:] = False
        bounds[inner] = quotes
        bounds[1::2] += 1  # the quote that opens a value is none of it
        bounds[self._first], bounds[own] = self._line_starts, self._value_starts
        bounds[-3:] = len(self._data)
        self._pieces = _texts(bounds, self._buffer)

    def _after_labels(self, quotes: Positions, before: Positions, count: Positions) -> Positions:
        """Where each sample's value starts: after `"} ` or `",} `, or else after a blank."""
        starts = np.empty_like(self._line_starts)
        labelled = count > 0
        closing = quotes[(before + count - 1)[labelled]] + 1
        closing += self._data.take(closing, mode="clip") == _COMMA
        wrong = self._data.take(closing, mode="clip") != _CLOSE
        wrong |= self._data.take(closing + 1, mode="clip") != _BLANK
        if wrong.any():
            line = int(np.flatnonzero(labelled)[np.argmax(wrong)]) + 1
            raise _broken("the labels are not closed, or no value follows", line)
        starts[labelled] = closing + 2
        if len(closing) < len(starts):
            blanks = np.append(np.flatnonzero(self._data == _BLANK), len(self._data))
            bare = self._line_starts[~labelled]
            starts[~labelled] = blanks[np.searchsorted(blanks, bare)] + 1
        empty = starts >= self._line_ends
        if empty.any():
            raise _broken("no value follows", int(np.argmax(empty)) + 1)
        return starts

    def _find_patterns(self, patterns: Patterns) -> None:
        around = self._pieces.take(pa.array(np.arange(0, len(self._pieces), 2, dtype=np.int32)))
        _, offsets, text = around.buffers()
        starts = np.frombuffer(offsets, dtype=np.int32)[np.append(self._first // 2, len(around))]
        found = _texts(starts, text).dictionary_encode()
        self._codes = found.indices.to_numpy()
        self._patterns = []
        for code, pattern in enumerate(found.dictionary.cast(pa.binary()).to_pylist()):
            try:
                self._patterns.append(patterns.read(pattern))
            except Unreadable as error:
                raise _broken(str(error), int(np.argmax(self._codes == code)) + 1) from None
        self._numbers = {name: number for number, name in enumerate(patterns.names)}
        # By pattern and label: the piece of its value, counted from the first one of the sample.
        self._places = np.full((len(self._patterns), len(self._numbers)), _ABSENT, dtype=np.int32)
        odd = np.arange(1, 2 * len(self._numbers) + 1, 2)
        for places, read in zip(self._places, self._patterns, strict=True):
            places[read.labels] = odd[: len(read.labels)]

    def labels(self, names: Sequence[str]) -> pa.Table:
        """One column for each of these labels, in their order."""
        values = self._pieces.take(pa.array(np.arange(1, len(self._pieces), 2, dtype=np.int32)))
        encoded = values.dictionary_encode()
        texts, places = self._unescaped(encoded.dictionary), encoded.indices.to_numpy()
        scratch: Offsets = np.zeros(len(texts), np.int32)
        numbers = [self._numbers[name] for name in names]
        columns = [self._column(number, places, texts, scratch) for number in numbers]
        return pa.table(columns, names=list(names))

    def _unescaped(self, texts: pa.Array) -> pa.Array:
        if not self._has_escapes:
            return texts
        data = np.frombuffer(texts.buffers()[2] or b"", dtype=np.uint8)
        data, offsets = _unescaped(data, np.frombuffer(texts.buffers()[1], dtype=np.int32))
        return _texts(offsets, pa.py_buffer(data))

    def _column(
        self, label: int, places: Offsets, texts: pa.Array, scratch: Offsets
    ) -> pa.DictionaryArray:
        """The values of a label.

        `places`: where each value stands in `texts`, last where an absent one does; `scratch`: as
        long as `texts`, and worth nothing, so that a label costs no more than its own values.
        """
        numbers = (self._places[:, label][self._codes] + self._first) >> 1
        found = places[np.minimum(numbers, len(places) - 1)]
        samples = np.arange(len(found), dtype=np.int32)
        scratch[found] = samples
        own = found[scratch[found] == samples]
        own = own[own != places[-1]]
        scratch[own] = samples[: len(own)]
        indices = pa.array(scratch[found].astype(_narrowest(len(own))), mask=found == places[-1])
        return pa.DictionaryArray.from_arrays(indices, texts.take(pa.array(own)))

    def families(self) -> pa.DictionaryArray:
        """The name before the labels (or before the value, where there are none)."""
        families = pa.array([pattern.family for pattern in self._patterns], pa.string())
        return pa.DictionaryArray.from_arrays(pa.array(self._codes), families)

    def values(self) -> pa.Array:
        """The text from after the labels to the end of the line."""
        bounds = np.stack([self._value_starts, self._line_ends], axis=1, dtype=np.int32).ravel()
        every = pa.array(np.arange(0, len(bounds), 2, dtype=np.int32))
        return _texts(np.append(bounds, bounds[-1:]), self._buffer).take(every)


def _narrowest(values: int) -> type[np.int16] | type[np.int32]:
    """Of the types of indices, the smaller one that has room for these."""
    return np.int16 if values <= np.iinfo(np.int16).max else np.int32


def _texts(offsets: Offsets, data: pa.Buffer) -> pa.Array:
    """The texts from each offset to the next."""
    buffers = [None, pa.py_buffer(np.ascontiguousarray(offsets, dtype=np.int32)), data]
    return pa.Array.from_buffers(pa.string(), max(len(offsets) - 1, 0), buffers)


def _escaping(slashes: Positions) -> Positions:
    """Those backslashes that escape what follows: every second one of a run of them."""
    joined = np.flatnonzero(np.diff(slashes) == 1) + 1
    if not len(joined):
        return slashes
    numbers = np.arange(len(joined))
    first = np.where(np.diff(joined, prepend=-1) == 1, 0, numbers)
    second = (numbers - np.maximum.accumulate(first)) % 2 == 0
    return np.delete(slashes, joined[second])


def _unescaped(data: Bytes, offsets: Offsets) -> tuple[Bytes, Offsets]:
    r"""Texts with `\\`, `\"` and `\n` undone; another escape stays as it is."""
    slashes = _escaping(np.flatnonzero(data == _BACKSLASH))
    if not len(slashes):
        return data, offsets
    escaped = data[slashes + 1]
    line_ends = escaped == _SMALL_N
    dropped = slashes[line_ends | (escaped == _QUOTE) | (escaped == _BACKSLASH)]
    kept = np.ones(len(data), dtype=bool)
    kept[dropped] = False
    plain = data[kept]
    newlines = slashes[line_ends]
    plain[newlines - np.searchsorted(dropped, newlines)] = _NEWLINE
    return plain, offsets - np.searchsorted(dropped, offsets).astype(np.int32)


def _broken(reason: str, line: int) -> Unreadable:
    return Unreadable(f"parse the exposition: {reason} (line {line} of the block)", line=line)


def _is_utf8(block: bytes) -> bool:
    if block.isascii():
        return True
    try:
        _texts(np.array([0, len(block)], dtype=np.int32), pa.py_buffer(block)).validate(full=True)
    except pa.ArrowInvalid:
        return False
    return True
