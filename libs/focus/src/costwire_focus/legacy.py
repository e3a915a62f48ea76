"""Names and values of the drafts before FOCUS 1.0, given their present ones when that is wanted.

Nothing is lost. Where a column of the present name is there too, its cells stand, the other's fill
its nulls, and the other stays. ChargeSubcategory, which became two columns and told more than both,
stays as x_ChargeSubcategory.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from costwire_focus.batch import Batch
from costwire_focus.columns import DRAFT_NAMES
from costwire_focus.manifest import LegacyMapping
from costwire_focus.versions import CUSTOM_PREFIX

_SPLIT: Final = "ChargeSubcategory"
_KEPT_AS: Final = CUSTOM_PREFIX + _SPLIT
_RENAMED: Final = {draft: name for draft, name in DRAFT_NAMES.items() if draft != _SPLIT}

_DERIVED: Final[Mapping[str, Mapping[str, str]]] = {
    "ChargeClass": {"Refund": "Correction"},
    "CommitmentDiscountStatus": {"Used Commitment": "Used", "Unused Commitment": "Unused"},
}
"""What a subcategory says in the columns that it became. Source: Microsoft's conversion of its
cost details to FOCUS, which was published for 1.0-preview and for 1.0."""

_VALUES: Final[Mapping[str, Mapping[str, str]]] = {
    "PricingCategory": {"On-Demand": "Standard", "Commitment-Based": "Committed"},
}

_Key = tuple[str, str, str | None, str | None]


class LegacyNames:
    """Gives the batches of a report's parts their present names, and counts what it changed."""

    def __init__(self) -> None:
        self._cells: Counter[_Key] = Counter()

    def mappings(self) -> list[LegacyMapping]:
        """What was mapped, and how many cells that were not null."""
        return [
            LegacyMapping(name=name, column=column, value=value, became=became, cells=cells)
            for (name, column, value, became), cells in sorted(
                self._cells.items(), key=lambda entry: [text or "" for text in entry[0]]
            )
        ]

    def map(self, batch: Batch) -> Batch:
        """The batch under present names; its rows, lines and raw bytes are the same."""
        charges = batch.charges
        before = charges.column_names
        charges = charges.rename_columns(mapped_names(before)[: len(before)])
        for draft, name in zip(before, charges.column_names, strict=True):
            if draft != name:
                self._count(draft, name, _filled(charges.column(name)))
        for draft, name in _both(before):
            charges = self._filled_from(charges, draft, name)
        if _SPLIT in before:
            charges = self._split(charges, charges.column(before.index(_SPLIT)))
        for name, values in _VALUES.items():
            if name in charges.column_names:
                cells = charges.column(name)
                present = self._replaced(name, name, cells, values)
                charges = _with_column(charges, name, pc.coalesce(present, cells))
        return replace(batch, charges=charges)

    def _count(
        self,
        name: str,
        column: str,
        cells: int,
        *,
        value: str | None = None,
        became: str | None = None,
    ) -> None:
        self._cells[name, column, value, became] += cells

    def _filled_from(self, charges: pa.Table, draft: str, name: str) -> pa.Table:
        own, other = charges.column(name), charges.column(draft)
        self._count(draft, name, _filled(other.filter(pc.is_null(own))))
        return _with_column(charges, name, pc.coalesce(own, other))

    def _split(self, charges: pa.Table, told: pa.ChunkedArray) -> pa.Table:
        """ChargeClass and CommitmentDiscountStatus, as far as a subcategory says them."""
        for name, values in _DERIVED.items():
            present = name in charges.column_names
            own = charges.column(name) if present else pa.nulls(len(told), pa.string())
            wanted = pc.if_else(pc.is_null(own), told, pa.scalar(None, pa.string()))
            cells = pc.coalesce(own, self._replaced(_SPLIT, name, wanted, values))
            charges = _with_column(charges, name, cells)
        return charges

    def _replaced(
        self, name: str, column: str, cells: pa.ChunkedArray, values: Mapping[str, str]
    ) -> pa.Array:
        """The present values of the cells that hold a draft's, null for all others."""
        place = pc.index_in(cells, value_set=pa.array(list(values), pa.string()))
        for found in pc.value_counts(place.drop_null()).to_pylist():
            value = list(values)[found["values"]]
            self._count(name, column, found["counts"], value=value, became=values[value])
        return pc.take(pa.array(list(values.values()), pa.string()), place)


def mapped_names(names: Sequence[str]) -> list[str]:
    """The present names of a part's columns, in their order; then the ones that come new."""
    present = set(names)
    mapped = [_present_name(name, present) for name in names]
    if _SPLIT in present:
        mapped += [name for name in _DERIVED if name not in present]
    return mapped


def _present_name(name: str, present: set[str]) -> str:
    became = _KEPT_AS if name == _SPLIT else _RENAMED.get(name, name)
    return name if became in present else became


def _both(names: Sequence[str]) -> list[tuple[str, str]]:
    """The drafts' columns beside which one of the present name stands."""
    present = set(names)
    return [(draft, name) for draft, name in _RENAMED.items() if {draft, name} <= present]


def _with_column(charges: pa.Table, name: str, cells: pa.ChunkedArray) -> pa.Table:
    if name not in charges.column_names:
        return charges.append_column(name, cells)
    return charges.set_column(charges.column_names.index(name), name, cells)


def _filled(cells: pa.ChunkedArray) -> int:
    return int(len(cells) - cells.null_count)
