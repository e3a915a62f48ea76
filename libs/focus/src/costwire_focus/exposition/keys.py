"""Telling label names apart in a block of bytes, all at once."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Positions = NDArray[np.int64]
Words = NDArray[np.uint64]

_WORD = 8
_KEEP = np.array([(1 << (8 * n)) - 1 for n in range(8)] + [2**64 - 1], dtype=np.uint64)
_MULTIPLIERS = (0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9)


class NameKeys:
    """The label names met so far, each with its number; finds the number of each name in a block.

    A name is looked up by a mix of its first and last eight bytes and its length, in a table in
    which the known names do not collide, and then compared byte by byte, a word at a time.
    """

    def __init__(self, names: Sequence[str] = ()) -> None:
        self.names: list[str] = []
        for name in names:
            self._add(name)
        self._tabulate()

    def _add(self, name: str) -> None:
        self.names.append(name)

    def _tabulate(self) -> None:
        encoded = [name.encode() for name in self.names]
        self._lengths = np.array([len(name) for name in encoded], dtype=np.int64)
        text = b"".join(encoded) + b"\0" * (2 * _WORD)
        words: Words = np.ndarray((len(text) - 7,), dtype="<u8", buffer=text, strides=(1,))
        starts = np.cumsum(self._lengths) - self._lengths
        self._own_words, self._own_starts = words, starts
        mixed = _mix(words, starts, self._lengths)
        self._shift, bits = np.uint64(64), 0
        table_size = 1
        while True:
            slots = (mixed >> self._shift).astype(np.int64) if bits else np.zeros(len(mixed), int)
            if len(np.unique(slots)) == len(np.unique(mixed)):
                break
            bits += 1
            table_size = 1 << bits
            self._shift = np.uint64(64 - bits)
        self._bits = bits
        self._table = np.full(table_size, -1, dtype=np.int64)
        self._table[slots] = np.arange(len(mixed))

    def find(
        self, words: Words, data: NDArray[np.uint8], starts: Positions, ends: Positions
    ) -> NDArray[np.int64]:
        """The number of each name; unknown ones become known.

        `words[i]` is the little-endian word that begins at byte i of the block, `data` its bytes.
        """
        found = self._look_up(words, starts, ends - starts)
        unknown = np.flatnonzero(found < 0)
        if len(unknown):
            names = [data[starts[i] : ends[i]].tobytes().decode() for i in unknown.tolist()]
            for name in dict.fromkeys(names):
                if name not in self.names:
                    self._add(name)
            numbers = {name: number for number, name in enumerate(self.names)}
            found[unknown] = [numbers[name] for name in names]
            self._tabulate()
        return found

    def _look_up(self, words: Words, starts: Positions, lengths: Positions) -> NDArray[np.int64]:
        if not self.names:
            return np.full(len(starts), -1, dtype=np.int64)
        if self._bits:
            slots = (_mix(words, starts, lengths) >> self._shift).astype(np.int64)
        else:
            slots = np.zeros(len(starts), dtype=np.int64)
        candidates = self._table[slots]
        candidates = np.where(self._lengths[candidates] == lengths, candidates, -1)
        return self._confirmed(words, starts, lengths, candidates)

    def _confirmed(
        self, words: Words, starts: Positions, lengths: Positions, candidates: NDArray[np.int64]
    ) -> NDArray[np.int64]:
        """The candidates whose every byte is that of the name in the block; -1 for the others."""
        offset = 0
        open_ = np.arange(len(starts))
        while len(open_):
            keep = _KEEP[np.minimum(lengths[open_] - offset, _WORD)]
            theirs = words[starts[open_] + offset] & keep
            ours = self._own_words[self._own_starts[candidates[open_]] + offset] & keep
            candidates[open_[theirs != ours]] = -1
            offset += _WORD
            open_ = open_[(lengths[open_] > offset) & (theirs == ours)]
        return candidates


def _mix(words: Words, starts: Positions, lengths: Positions) -> Words:
    first = words[starts] & _KEEP[np.minimum(lengths, _WORD)]
    last = words[np.maximum(starts + lengths - _WORD, starts)]
    last &= _KEEP[np.minimum(lengths, _WORD)]
    a, b, c = (np.uint64(multiplier) for multiplier in _MULTIPLIERS)
    with np.errstate(over="ignore"):
        mixed = (first * a) ^ (last * b) ^ (lengths.astype(np.uint64) * c)
        spread: Words = (mixed ^ (mixed >> np.uint64(29))) * a
    return spread
