"""The pieces that lines are put together of, and which of them each line takes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from costwire_focus.buffers import bounds_of, bytes_of
from costwire_focus.exposition import FAMILY
from costwire_focus.exposition.coding import Coded

_BLOCK_BYTES = 3 << 20
"""Arrow doubles a buffer as it grows; of larger ones, many cost their page faults anew."""

_SAMPLE = 16
"""Of so many lines, one tells how long they are."""

_ESCAPES = {"\\": "\\\\", '"': '\\"', "\n": "\\n"}


class Pieces:
    """The lines of some charges: `add` for each label, then `end`, then `lines`.

    What all lines have alike waits for the next piece that they have not.
    """

    def __init__(self, lines: int) -> None:
        self._lines = lines
        self._alike = FAMILY + "{"
        self._framed: list[_Framed] = []
        self._bare: list[pa.Array] = []
        self._choices: list[tuple[NDArray[np.int32] | None, int, bool]] = []
        self._counts = {True: 0, False: 0}

    def add(self, label: str, cells: Coded) -> None:
        """A label with the charges' cells; null is no label."""
        texts = _escaped(cells.texts)
        before = f'{self._alike}{label}="'
        if cells.places is None:
            self._alike = f'{before}{texts[0]}",'
        elif not cells.is_varied:
            null = [_Framed(self._alike, _array(""), "")] if cells.has_null else []
            self._choose_framed(cells.places, _Framed(before, texts, '",'), *null)
            self._alike = ""
        elif not cells.has_null:
            self._choose_bare(None, _array(before))
            self._choose_bare(cells.places, texts)
            self._alike = '",'
        else:
            is_null = (cells.places == len(texts)).astype(np.int32)
            self._choose_bare(is_null, _array(before, self._alike))
            self._choose_bare(cells.places, texts, _array(""))
            self._choose_bare(is_null, _array('",', ""))
            self._alike = ""

    def end(self, values: Coded | None) -> None:
        """The end of each line, with the sample's value; null is not a number."""
        self._choose_bare(None, _array(self._alike + "} "))
        if values is None:
            self._choose_bare(None, _array("NaN"))
        else:
            self._choose_bare(values.places, values.texts, _array("NaN"))
        self._choose_bare(None, _array("\n"))

    def _choose_framed(self, places: NDArray[np.int32], *pieces: _Framed) -> None:
        self._choose(places, sum(len(piece.texts) for piece in pieces), are_bare=False)
        self._framed += pieces

    def _choose_bare(self, places: NDArray[np.int32] | None, *pieces: pa.Array) -> None:
        """Each line takes one of these texts as it is; without `places`, the first."""
        self._choose(places, sum(map(len, pieces)), are_bare=True)
        self._bare += pieces

    def _choose(self, places: NDArray[np.int32] | None, count: int, *, are_bare: bool) -> None:
        self._choices.append((places, self._counts[are_bare], are_bare))
        self._counts[are_bare] += count

    def lines(self) -> Iterator[pa.Buffer]:
        """The lines one after the other, some megabytes at a time."""
        pieces = pa.concat_arrays([*_rendered(self._framed), *self._bare])
        chosen = np.empty((self._lines, len(self._choices)), np.int32)
        for column, (places, start, are_bare) in enumerate(self._choices):
            first = start + self._counts[False] * are_bare
            chosen[:, column] = first if places is None else places + np.int32(first)
        size = self._lines * int(np.diff(bounds_of(pieces))[chosen[::_SAMPLE]].sum(axis=1).mean())
        for some in np.array_split(chosen, -(-size // _BLOCK_BYTES)):
            written = pieces.take(pa.array(some.reshape(-1)))
            yield written.buffers()[2].slice(0, int(bounds_of(written)[-1]))


@dataclass(frozen=True)
class _Framed:
    """Pieces with the same text before and behind each."""

    before: str
    texts: pa.Array
    behind: str


def _rendered(framed: Sequence[_Framed]) -> list[pa.Array]:
    """These pieces, one after the other."""
    if not framed:
        return []
    sides = pa.array(np.repeat(np.arange(len(framed)), [len(piece.texts) for piece in framed]))
    return [
        pc.binary_join_element_wise(
            _array(*(piece.before for piece in framed)).take(sides),
            pa.concat_arrays([piece.texts for piece in framed]),
            _array(*(piece.behind for piece in framed)).take(sides),
            "",
        )
    ]


def _array(*texts: str) -> pa.Array:
    return pa.array(texts, pa.string())


def _escaped(texts: pa.Array) -> pa.Array:
    """The texts as label values."""
    held = bytes_of(texts).tobytes()
    for special, escape in _ESCAPES.items():
        if special.encode() in held:
            texts = pc.replace_substring(texts, special, escape)
    return texts
