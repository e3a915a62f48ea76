"""An exposition composed of an earlier one: without some of its samples, and with others before.

So a delivery that changes little of another one need not write its text anew.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from costwire_focus.exposition import END, HEADER

Positions = NDArray[np.uint32]
"""Of samples, counted from the first one; growing."""

_END = END.encode()
_NEWLINE = ord("\n")


def samples(*expositions: Iterable[bytes]) -> Iterator[bytes]:
    """Expositions of ours in blocks of whole lines, without their headers and last lines."""
    for block in chain(*expositions):
        text = block.removeprefix(HEADER)
        last = text.rfind(b"\n", 0, -1) + 1
        yield text[:last] if text.startswith(_END, last) else text


def parted(
    blocks: Iterable[bytes], going: Positions
) -> Iterator[tuple[list[memoryview], list[memoryview]]]:
    """Of each block of samples those that stay, and those that go."""
    before = done = 0
    for block in blocks:
        ends = np.flatnonzero(np.frombuffer(block, np.uint8) == _NEWLINE) + 1
        first, done = done, int(np.searchsorted(going, np.uint32(before + len(ends))))
        places = going[first:done].astype(np.int64) - before
        before += len(ends)
        starts = np.append(0, ends[:-1])[places]
        yield _cut(block, starts.tolist(), ends[places].tolist())


def _cut(
    block: bytes, starts: list[int], ends: list[int]
) -> tuple[list[memoryview], list[memoryview]]:
    view = memoryview(block)
    stays = zip([0, *ends], [*starts, len(block)], strict=True)
    goes = zip(starts, ends, strict=True)
    return (
        [view[start:end] for start, end in stays if start < end],
        [view[start:end] for start, end in goes],
    )


def all_but(going: Positions, count: int) -> Positions:
    """The places of `count` samples that do not go."""
    stays = np.ones(count, np.bool_)
    stays[going] = False
    return np.flatnonzero(stays).astype(np.uint32)
