"""Texts that stand where null should: placeholders and blanks."""

from collections.abc import Sequence
from typing import Final

import numpy as np
import polars as pl
import pyarrow as pa
from numpy.typing import NDArray

from costwire_focus.buffers import bounds_of, bytes_of
from costwire_focus.columns import COLUMNS, ValueType
from costwire_focus.rules.rule import FLAG

PLACEHOLDER: Final = "placeholder"
BLANK: Final = "blank"

PLACEHOLDERS: Final = ("N/A", "n/a", "#N/A", "NULL", "Null", "null", "Not Applicable")
"""Words that are never a value. Others, such as None or a dash, can be a name."""

_LENGTHS: Final = np.zeros(max(map(len, PLACEHOLDERS)) + 2, np.bool_)
_LENGTHS[[len(word) for word in PLACEHOLDERS]] = True
_FIRST: Final = np.zeros(256, np.bool_)
_FIRST[[ord(" "), *(ord(word[0]) for word in PLACEHOLDERS)]] = True
"""The bytes that a placeholder or a text of blanks can begin with."""
_SPACE: Final = ord(" ")


def judge_texts(charges: pa.Table, names: Sequence[str]) -> dict[str, pl.Series]:
    """Which rows hold a placeholder, and which a text of blanks alone, in one of these columns.

    Only cells that can be one, by their length or first byte, are read.
    """
    found = {verdict: np.zeros(charges.num_rows, np.bool_) for verdict in (PLACEHOLDER, BLANK)}
    for name in names:
        start = 0
        for chunk in charges.column(name).chunks:
            _judge(chunk, {key: mask[start : start + len(chunk)] for key, mask in found.items()})
            start += len(chunk)
    return {FLAG + verdict: pl.Series(mask) for verdict, mask in found.items()}


def open_texts(names: Sequence[str]) -> list[str]:
    """Those columns whose texts are the provider's own: no closed list, no format."""
    return [
        name
        for name in names
        if (column := COLUMNS.get(name)) is not None
        and column.value_type is ValueType.TEXT
        and column.allowed_values is None
    ]


def _judge(cells: pa.Array, found: dict[str, NDArray[np.bool_]]) -> None:
    data = bytes_of(cells)
    if not data.size:
        return
    bounds = bounds_of(cells)
    first = data[np.minimum(bounds[:-1] - bounds[0], data.size - 1)]  # of empty cells: another's
    suspects = np.flatnonzero(_FIRST[first])
    if not len(suspects):
        return
    lengths = bounds[suspects + 1] - bounds[suspects]
    blank = first[suspects] == _SPACE
    words = suspects[~blank & _LENGTHS[np.minimum(lengths, len(_LENGTHS) - 1)]]
    if len(words):
        texts = pl.Series(cells.take(pa.array(words)))
        found[PLACEHOLDER][words] |= texts.is_in(PLACEHOLDERS).fill_null(False).to_numpy()
    led = suspects[blank & (lengths > 0)]
    if len(led):
        texts = pl.Series(cells.take(pa.array(led)))
        found[BLANK][led] |= (texts.str.strip_chars() == "").fill_null(False).to_numpy()
