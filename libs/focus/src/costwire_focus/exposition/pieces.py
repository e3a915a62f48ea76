"""The pieces that lines are put together of, and which of them each line takes."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from costwire_focus.buffers import bounds_of, bytes_of
from costwire_focus.exposition import FAMILY
from costwire_focus.exposition.coding import Coded

_BLOCK_BYTES = 4 << 20

_ESCAPES = {"\\": "\\\\", '"': '\\"', "\n": "\\n"}


class Pieces:
    """The lines of some charges: `add` for each label, then `end`, then `lines`.

    A piece is what stands before a text, the text, and what stands behind it. A label that all
    lines have alike stands before the texts of the next one.
    """

    def __init__(self) -> None:
        self._before: list[str] = []
        self._texts: list[pa.Array] = []
        self._behind: list[str] = []
        self._size = 0
        self._choices: list[NDArray[np.int32]] = []
        self._alike = FAMILY + "{"

    def add(self, label: str, cells: Coded) -> None:
        """A label with the charges' cells; null is no label."""
        texts = _escaped(cells.texts)
        if cells.places is None:
            self._alike += f'{label}="{texts[0]}",'
            return
        self._choose(cells.places)
        self._append(f'{self._alike}{label}="', texts, '",')
        if cells.has_null:
            self._append(self._alike, pa.array([""]), "")
        self._alike = ""

    def end(self, values: Coded | None, lines: int) -> None:
        """The end of each line, with the sample's value; null is not a number."""
        texts = [values.texts] if values is not None else []
        places = values.places if values is not None else None
        self._choose(np.zeros(lines, np.int32) if places is None else places)
        self._append(self._alike + "} ", pa.concat_arrays([*texts, pa.array(["NaN"])]), "\n")

    def _choose(self, places: NDArray[np.int32]) -> None:
        self._choices.append(places + np.int32(self._size))

    def _append(self, before: str, texts: pa.Array, behind: str) -> None:
        self._before.append(before)
        self._texts.append(texts)
        self._behind.append(behind)
        self._size += len(texts)

    def lines(self) -> Iterator[pa.Buffer]:
        """The lines one after the other, about 4 MiB at a time."""
        sides = pa.array(np.repeat(np.arange(len(self._texts)), list(map(len, self._texts))))
        pieces = pc.binary_join_element_wise(
            pa.array(self._before).take(sides),
            pa.concat_arrays(self._texts),
            pa.array(self._behind).take(sides),
            "",
        )
        chosen = np.stack(self._choices, axis=1)
        size = int(np.diff(bounds_of(pieces))[chosen].sum())
        for some in np.array_split(chosen, -(-size // _BLOCK_BYTES)):
            written = pieces.take(pa.array(some.reshape(-1)))
            yield written.buffers()[2].slice(0, int(bounds_of(written)[-1]))


def _escaped(texts: pa.Array) -> pa.Array:
    """The texts as label values."""
    held = bytes_of(texts)
    for special, escape in _ESCAPES.items():
        if (held == ord(special)).any():
            texts = pc.replace_substring(texts, special, escape)
    return texts
