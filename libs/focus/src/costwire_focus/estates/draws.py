"""Reproducible draws: integers from a counter and a key, the same on every machine and version."""

from __future__ import annotations

import re
from collections.abc import Sequence
from hashlib import blake2b
from itertools import islice
from typing import cast

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]

_STEP = np.uint64(0x9E3779B97F4A7C15)
_MIX_1 = np.uint64(0xBF58476D1CE4E5B9)
_MIX_2 = np.uint64(0x94D049BB133111EB)
_ALPHABETS = {
    "X": "ABCDEFGHJKLMNPQRSTUVWXYZ23456789",
    "H": "0123456789ABCDEF",
    "h": "0123456789abcdef",
    "a": "abcdefghijklmnopqrstuvwxyz234567",
    "D": "0123456789",
}
_SHAPE = re.compile(r"\{([XHhaD])([0-9]+)\}")  # {X16}: 16 characters of alphabet X


class Draws:
    """A stream of draws per name; each depends on the key, the name and the position only.

    Splitmix64 over a counter: no floats and no library generator whose stream may change.
    """

    def __init__(self, *key: object) -> None:
        self._key = key
        self._state = blake2b(repr(key).encode())

    def child(self, *key: object) -> Draws:
        """Draws that are independent of this one's."""
        return Draws(*self._key, *key)

    def raw(self, name: str, count: int) -> npt.NDArray[np.uint64]:
        """64 random bits per position."""
        mixed = np.arange(1, count + 1, dtype=np.uint64)
        mixed *= _STEP
        mixed += np.uint64(self._bits(name))
        mixed ^= mixed >> np.uint64(30)
        mixed *= _MIX_1
        mixed ^= mixed >> np.uint64(27)
        mixed *= _MIX_2
        mixed ^= mixed >> np.uint64(31)
        return mixed

    def below(self, name: str, bound: int | Ints, count: int) -> Ints:
        """Integers from 0 up to, not including, `bound` (one for all, or one per position)."""
        limit = np.asarray(bound).astype(np.uint64)
        return cast(Ints, ((self.raw(name, count) >> np.uint64(8)) % limit).astype(np.int64))

    def one(self, name: str, bound: int) -> int:
        """One integer from 0 up to, not including, `bound`."""
        return self._bits(name) % bound

    def weighted(self, name: str, weights: Sequence[int] | Ints, count: int) -> Ints:
        """Positions in `weights`, each as often as its weight says."""
        steps = np.cumsum(np.asarray(weights, dtype=np.int64))
        picked = self.below(name, int(steps[-1]), count)
        return cast(Ints, np.searchsorted(steps, picked, side="right").astype(np.int64))

    def order(self, name: str, count: int) -> Ints:
        """A permutation of 0 .. count - 1."""
        return cast(Ints, np.argsort(self.raw(name, count), kind="stable").astype(np.int64))

    def fill(self, shape: str) -> str:
        """Replace `{D12}`, `{h17}`, `{X16}` ... by characters of that alphabet, at most 64."""
        unused = iter(self._digest(shape))

        def spell(found: re.Match[str]) -> str:
            alphabet = _ALPHABETS[found[1]]
            return "".join(alphabet[byte % len(alphabet)] for byte in islice(unused, int(found[2])))

        return _SHAPE.sub(spell, shape)

    def _digest(self, name: str) -> bytes:
        state = self._state.copy()
        state.update(name.encode())
        return state.digest()

    def _bits(self, name: str) -> int:
        return int.from_bytes(self._digest(name)[:8], "big")
