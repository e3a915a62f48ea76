"""A column of texts as its distinct texts, and which of them each row has."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from costwire_focus.buffers import bounds_of, bytes_of

_TELLING_ROWS = 1_000
"""A block of so many rows tells whether most texts of a column occur once."""


@dataclass(frozen=True)
class Coded:
    """The texts of a column in a block, and for each row the place of its text among them.

    Null has the place behind the last text. `places` is None when all rows have the only text.
    `is_varied`: most texts occur once, so there is little to gain from looking at each text first.
    """

    texts: pa.Array
    places: NDArray[np.int32] | None
    has_null: bool = False
    is_varied: bool = False


class Coder:
    """Codes the blocks of one column; `code` gives None for a block that holds nothing but null.

    Where most texts occur once, each row's text has a place of its own: to find the copies among
    them would cost more than they save.
    """

    def __init__(self) -> None:
        self._is_varied = False

    def code(self, cells: pa.Array) -> Coded | None:
        """One block."""
        if cells.null_count == len(cells):
            return None
        if not cells.null_count and _is_constant(cells):
            return Coded(cells.slice(0, 1), None)
        has_null = cells.null_count > 0
        if self._is_varied:
            texts = cells.drop_null() if has_null else cells
            return Coded(texts, _each(cells), has_null, is_varied=True)
        encoded = cells.dictionary_encode()
        texts, places = encoded.dictionary, encoded.indices
        if len(cells) >= _TELLING_ROWS:
            self._is_varied = 2 * len(texts) > len(cells)
        if has_null:
            places = places.fill_null(len(texts))
        return Coded(texts, places.to_numpy(), has_null)


def _each(cells: pa.Array) -> NDArray[np.int32]:
    """A place for each text."""
    if not cells.null_count:
        return np.arange(len(cells), dtype=np.int32)
    valid = cells.is_valid().to_numpy(zero_copy_only=False)
    return np.where(valid, np.cumsum(valid) - 1, np.count_nonzero(valid)).astype(np.int32)


def _is_constant(cells: pa.Array) -> bool:
    """Whether all of these cells, none of which is null, are alike."""
    bounds = bounds_of(cells)
    length = int(bounds[1] - bounds[0])
    if bounds[-1] - bounds[0] != length * len(cells):
        return False
    data = bytes_of(cells)
    return bool(
        (data[length:] == data[: data.size - length]).all()
        and (bounds[1:] - bounds[:-1] == length).all()
    )
