"""The bytes behind a column of text, without a copy."""

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray


def bytes_of(cells: pa.Array) -> NDArray[np.uint8]:
    """The bytes of all cells of a text array, one after the other."""
    data = cells.buffers()[2]
    if data is None or not len(cells):
        return np.empty(0, np.uint8)
    bounds = bounds_of(cells)
    return np.frombuffer(data, np.uint8)[bounds[0] : bounds[-1]]


def bounds_of(cells: pa.Array) -> NDArray[np.int32]:
    """Where each cell starts in the buffer of all, and where the last one ends."""
    offsets = np.frombuffer(cells.buffers()[1], np.int32)
    return offsets[cells.offset : cells.offset + len(cells) + 1]
