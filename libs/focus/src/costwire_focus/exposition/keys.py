"""Telling label names apart in a block of bytes, all at once."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from costwire_focus.errors import Unreadable

Positions = NDArray[np.int64]
Words = NDArray[np.uint64]

_WORD = 8
_MOST_BITS = 16
_MOST_NAMES = 10_000
_LEGAL = re.compile(rb"[a-zA-Z_][a-zA-Z0-9_]*")
_SHOWN = 60
_KEEP = np.array([(1 << (8 * n)) - 1 for n in range(8)] + [2**64 - 1], dtype=np.uint64)
_MULTIPLIERS = (0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9)


class NameKeys:
    """The label names met so far, each with its number; finds the number of each name in a block.

    A name is looked up by a mix of its first and last eight bytes and its length, in a table large
    enough that few of the known names share a place, and then compared byte by byte, a word at a
    time; where names share a place, with one after the other.
    """

    def __init__(self, names: Sequence[str] = ()) -> None:
        self.names = list(names)
        self._tabulate()

    def _tabulate(self) -> None:
        encoded = [name.encode() for name in self.names]
        self._lengths = np.array([len(name) for name in encoded], dtype=np.int64)
        text = b"".join(encoded) + b"\0" * (2 * _WORD)
        words: Words = np.ndarray((len(text) - 7,), dtype="<u8", buffer=text, strides=(1,))
        starts = np.cumsum(self._lengths) - self._lengths
        self._own_words, self._own_starts = words, starts
        mixed = _mix(words, starts, self._lengths)
        distinct = len(np.unique(mixed))
        for bits in range(1, _MOST_BITS + 1):
            self._shift = np.uint64(64 - bits)
            slots = (mixed >> self._shift).astype(np.int64)
            if len(np.unique(slots)) == distinct:
                break
        self._table = np.full(1 << bits, -1, dtype=np.int64)
        self._next = np.full(len(slots), -1, dtype=np.int64)
        for number, slot in enumerate(slots.tolist()):
            self._next[number] = self._table[slot]
            self._table[slot] = number

    def find(
        self, words: Words, data: NDArray[np.uint8], starts: Positions, ends: Positions
    ) -> NDArray[np.int64]:
        """The number of each name; unknown ones become known.

        `words[i]` is the little-endian word that begins at byte i of the block, `data` its bytes.
        Raises: `Unreadable` for what is no label name, or when there are too many.
        """
        found = self._look_up(words, starts, ends - starts)
        unknown = np.flatnonzero(found < 0)
        if len(unknown):
            names = [data[starts[i] : ends[i]].tobytes() for i in unknown.tolist()]
            numbers = {name.encode(): number for number, name in enumerate(self.names)}
            for name in names:
                if name not in numbers:
                    numbers[name] = len(numbers)
                    self.names.append(_label_name(name))
            if len(numbers) > _MOST_NAMES:
                raise Unreadable(f"parse the exposition: it has more than {_MOST_NAMES} labels")
            found[unknown] = [numbers[name] for name in names]
            self._tabulate()
        return found

    def _look_up(self, words: Words, starts: Positions, lengths: Positions) -> NDArray[np.int64]:
        slots = (_mix(words, starts, lengths) >> self._shift).astype(np.int64)
        candidates = self._table[slots]
        found = self._confirmed(words, starts, lengths, candidates)
        open_ = np.flatnonzero((found < 0) & (candidates >= 0))
        while len(open_):
            candidates[open_] = self._next[candidates[open_]]
            found[open_] = self._confirmed(words, starts[open_], lengths[open_], candidates[open_])
            open_ = open_[(found[open_] < 0) & (candidates[open_] >= 0)]
        return found

    def _confirmed(
        self, words: Words, starts: Positions, lengths: Positions, candidates: NDArray[np.int64]
    ) -> NDArray[np.int64]:
        """The candidates whose every byte is that of the name in the block; -1 for the others."""
        if not self.names:
            return np.full(len(starts), -1, dtype=np.int64)
        confirmed = np.where(self._lengths[candidates] == lengths, candidates, -1)
        offset = 0
        open_ = np.flatnonzero(confirmed >= 0)
        while len(open_):
            keep = _KEEP[np.minimum(lengths[open_] - offset, _WORD)]
            theirs = words[starts[open_] + offset] & keep
            ours = self._own_words[self._own_starts[confirmed[open_]] + offset] & keep
            confirmed[open_[theirs != ours]] = -1
            offset += _WORD
            open_ = open_[(lengths[open_] > offset) & (theirs == ours)]
        return confirmed


def _label_name(name: bytes) -> str:
    if not _LEGAL.fullmatch(name):
        raise Unreadable(f"parse the exposition: {name[:_SHOWN]!r} is no label name")
    return name.decode()


def _mix(words: Words, starts: Positions, lengths: Positions) -> Words:
    first = words[starts] & _KEEP[np.minimum(lengths, _WORD)]
    last = words[np.maximum(starts + lengths - _WORD, starts)]
    last &= _KEEP[np.minimum(lengths, _WORD)]
    a, b, c = (np.uint64(multiplier) for multiplier in _MULTIPLIERS)
    with np.errstate(over="ignore"):
        mixed = (first * a) ^ (last * b) ^ (lengths.astype(np.uint64) * c)
        spread: Words = (mixed ^ (mixed >> np.uint64(29))) * a
    return spread
