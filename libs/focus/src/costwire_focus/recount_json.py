"""The second, independent count of a JSON report, by Arrow's reader.

Arrow keeps a number's digits where a column is told to be decimal, and passes over all others.
It crashes at a `null` where an object should stand, so it is given objects alone.
"""

from __future__ import annotations

from collections.abc import Collection
from decimal import Decimal

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyarrow import json as arrow_json

from costwire_focus.amounts import EXACT, read
from costwire_focus.canonical import exact_sum
from costwire_focus.json_values import DECODER, Members

_COST = "BilledCost"
_QUOTE, _BACKSLASH, _COMMA = b'"\\,'

_STEP = np.zeros(256, np.int8)
"""By character: how much deeper what follows it stands."""
_STEP[list(b"{[")], _STEP[list(b"}]")] = 1, -1
_IS_MARK = _STEP != 0
_IS_MARK[_COMMA] = True


class JsonRecount:
    """Counts the records of a JSON report, handed over as they stand in it."""

    def __init__(self) -> None:
        self.reader = f"pyarrow {pa.__version__}"
        self.records = 0
        self.billed_cost = Decimal(0)

    def count_lines(self, block: bytes, broken: Collection[int]) -> None:
        """Count the lines that are not blank; those of the places in `broken` hold no object."""
        lines = [line for raw in block.split(b"\n") if (line := raw.strip())]
        objects = [line for place, line in enumerate(lines) if place not in broken]
        self.records += len(lines) - len(objects)
        self._count(objects)

    def count_elements(self, block: bytes) -> None:
        """Count the elements of an array, from the bytes of some whole ones with their commas."""
        elements = _split(block)
        objects = [element for element in elements if element.startswith(b"{")]
        self.records += len(elements) - len(objects)
        self._count(objects)

    def cost_in(self, raw: bytes) -> str | None:
        """What it took for BilledCost in a record that the first reader set aside."""
        try:
            is_object = isinstance(DECODER.decode(raw.decode()), Members)
        except (ValueError, RecursionError):
            return None
        cost = _costs([raw])[1] if is_object else None
        return None if cost is None else str(cost)

    def _count(self, objects: list[bytes]) -> None:
        records, cost = _costs(objects)
        self.records += records
        self.billed_cost = exact_sum([self.billed_cost, cost])


def _costs(objects: list[bytes]) -> tuple[int, Decimal]:
    """How many objects there are, and the sum of their BilledCost.

    Arrow refuses a block as a whole, so what it refuses is halved until one object is left.
    """
    if not objects:
        return 0, Decimal(0)
    try:
        table = _read(objects, EXACT)
    except pa.ArrowInvalid:
        if len(objects) == 1:
            return 1, _cost_told_as_text(objects)
        middle = len(objects) // 2
        left, right = _costs(objects[:middle]), _costs(objects[middle:])
        return left[0] + right[0], exact_sum([left[1], right[1]])
    known = [cost for cost in table.column(_COST).to_pylist() if cost is not None]
    return table.num_rows, exact_sum(cost for cost in known if read(str(cost)) is not None)


def _cost_told_as_text(objects: list[bytes]) -> Decimal:
    try:
        (cell,) = _read(objects, pa.string()).column(_COST).to_pylist()
    except pa.ArrowInvalid:
        return Decimal(0)
    return (read(cell) if cell else None) or Decimal(0)


def _read(objects: list[bytes], cost: pa.DataType) -> pa.Table:
    data = b"\n".join(objects)
    return arrow_json.read_json(
        pa.BufferReader(data),
        read_options=arrow_json.ReadOptions(use_threads=False, block_size=len(data) + 1),
        parse_options=arrow_json.ParseOptions(
            explicit_schema=pa.schema([(_COST, cost)]),
            newlines_in_values=True,
            unexpected_field_behavior="ignore",
        ),
    )


def _split(block: bytes) -> list[bytes]:
    """The elements between the commas that stand in no string, object or array."""
    data = np.frombuffer(block, np.uint8)
    marks = np.flatnonzero(_IS_MARK[data])
    marks = marks[np.searchsorted(_quotes(data), marks) % 2 == 0]
    depth = np.cumsum(_STEP[data[marks]], dtype=np.int64)
    between = marks[(data[marks] == _COMMA) & (depth == 0)].tolist()
    cuts = zip([-1, *between], [*between, len(block)], strict=True)
    elements = [block[start + 1 : end].strip() for start, end in cuts]
    return [element for element in elements if element]


def _quotes(data: NDArray[np.uint8]) -> NDArray[np.int64]:
    """The quotes that open or close a string: those with an even number of backslashes before."""
    quotes = np.flatnonzero(data == _QUOTE)
    slashes = np.flatnonzero(data == _BACKSLASH)
    if not len(slashes):
        return quotes
    firsts = slashes[np.diff(slashes, prepend=-2) != 1]
    lasts = slashes[np.diff(slashes, append=len(data) + 1) != 1]
    escaped = lasts[(lasts - firsts) % 2 == 0] + 1
    return np.setdiff1d(quotes, escaped, assume_unique=True)
