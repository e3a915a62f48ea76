"""One made-up report: its charges, how they are spelled, and the truth about them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from costwire_focus.amounts import COST_COLUMNS
from costwire_focus.canonical import canonical_text, exact_sum
from costwire_focus.estates.cells import make_table
from costwire_focus.estates.charges import Made, Making, make_charges
from costwire_focus.estates.csv_text import csv_chunks
from costwire_focus.estates.decimals import scaled_sum
from costwire_focus.estates.defects import Planted, plant_defects
from costwire_focus.estates.dialects import FOCUS, Dialect
from costwire_focus.estates.draws import Draws, Ints
from costwire_focus.estates.estate import EXCHANGE, Estate, Slot, slots
from costwire_focus.estates.inventory import InventorySize, make_inventory
from costwire_focus.estates.items import make_items
from costwire_focus.estates.rows import Costs, Rows, costs_of


@dataclass(frozen=True)
class Report:
    """The charges of one cloud in one month, or a part of them.

    `charges` are columns of text; `truth` can be written as JSON; `ordinary` marks the charges
    that a later delivery may restate; `broken` are rows whose bytes are broken when written.
    """

    name: str
    provider: str
    month: str
    version: str
    charges: pa.Table
    truth: dict[str, Any]
    dialect: Dialect
    ordinary: npt.NDArray[np.bool_] = field(repr=False)
    broken: Mapping[int, str] = field(default_factory=dict)

    def chunks(self) -> Iterator[bytes]:
        """The bytes of the report's file."""
        return csv_chunks(self.charges, self.dialect, self.broken)


def generate(estate: Estate) -> Iterator[Report]:
    """Make the estate's reports, one at a time."""
    for slot in slots(estate):
        yield _make_report(estate, slot)


def _make_report(estate: Estate, slot: Slot) -> Report:
    making = _prepare(estate, slot)
    made = make_charges(making)
    planted = plant_defects(
        make_table(making, made.rows),
        estate.defects,
        np.flatnonzero(made.rows.ordinary),
        making.draws,
    )
    dialect = slot.cloud.native_dialect if estate.spelling == "native" else FOCUS
    name = f"{slot.stem}.csv" + (".gz" if dialect.gzip else "")
    ordinary = made.rows.ordinary.copy()
    ordinary[[entry["row"] - 1 for entry in planted.entries]] = False
    return Report(
        name=name,
        provider=slot.cloud.provider,
        month=slot.month.name,
        version=estate.focus_version,
        charges=planted.charges,
        truth={"file": name} | _truth(making, made, planted),
        dialect=dialect,
        ordinary=ordinary,
        broken=planted.broken,
    )


def _truth(making: Making, made: Made, planted: Planted) -> dict[str, Any]:
    estate, slot = making.estate, making.slot
    costs = costs_of(made.rows, making.items).exchanged(*_exchange(estate, slot))
    sums = {
        column: canonical_text(
            exact_sum((scaled_sum(costs.values[column], costs.decimals), planted.change[column]))
        )
        for column in COST_COLUMNS
    }
    return {
        "provider": slot.cloud.provider,
        "month": slot.month.name,
        "focusVersion": estate.focus_version,
        "rows": slot.rows,
        "usable": slot.rows - planted.unusable,
        "sums": {estate.currency_of(slot.cloud.key): sums} if slot.rows else {},
        "identical": made.identical,
        **_planted(made, costs),
        "commitments": _commitments(making, made.rows, costs),
        "defects": planted.entries,
    }


def _exchange(estate: Estate, slot: Slot) -> tuple[int, int]:
    return EXCHANGE[estate.currency_of(slot.cloud.key)]


def _prepare(estate: Estate, slot: Slot) -> Making:
    """What a cloud sells and runs is the same in every month; what is charged for is not."""
    cloud = slot.cloud
    lasting = Draws(estate.seed, cloud.key)
    items = make_items(cloud, lasting.child("items"), _exchange(estate, slot), estate.focus_version)
    large = slot.base_rows >= 100
    size = InventorySize(
        rows=slot.rows,
        idle=slot.base_rows // 600 + 1 if large and cloud.idle else 0,
        spikes=4 if large else 0,
        commitments=min(slot.base_rows // 300, 199) + 1 if large else 0,
        untagged_percent=estate.untagged_percent,
        waste=estate.waste,
    )
    inventory = make_inventory(cloud, items, lasting.child("inventory"), slot.part, size)
    draws = lasting.child(slot.month.name, slot.part)
    return Making(estate, slot, items, inventory, draws)


def _planted(made: Made, costs: Costs) -> dict[str, Any]:
    """The anomalies and the waste, with what they cost."""
    found: dict[str, Any] = {"anomalies": [], "waste": []}
    positions = _positions(made.rows.planted, len(made.planted))
    for plant, mine in zip(made.planted, positions, strict=True):
        known = plant | {"rows": len(mine), "effectiveCost": _total(costs, "EffectiveCost", mine)}
        found["anomalies" if "firstDay" in plant else "waste"].append(known)
    return found


def _commitments(making: Making, rows: Rows, costs: Costs) -> list[dict[str, Any]]:
    """What was paid for each commitment and what of it was used, by its rows of this report."""
    statuses = making.items.columns["CommitmentDiscountStatus"]
    unused = np.array([status == "Unused" for status in statuses])[rows.item]
    commitments = making.inventory.commitments
    found = []
    for one, mine in zip(commitments, _positions(rows.commitment, len(commitments)), strict=True):
        left = unused[mine]
        found.append(
            {
                "id": one.id,
                "upfront": one.upfront,
                "purchased": _total(costs, "BilledCost", mine),
                "used": _total(costs, "EffectiveCost", mine[~left]),
                "unused": _total(costs, "EffectiveCost", mine[left]),
            }
        )
    return found


def _positions(numbers: Ints, count: int) -> list[Ints]:
    """Where each number from 0 to `count` - 1 stands."""
    some = np.flatnonzero(numbers >= 0)
    some = some[np.argsort(numbers[some], kind="stable")]
    return np.split(some, np.searchsorted(numbers[some], np.arange(1, count))) if count else []


def _total(costs: Costs, column: str, rows: Ints) -> str:
    return canonical_text(scaled_sum(costs.values[column][rows], costs.decimals[rows]))
