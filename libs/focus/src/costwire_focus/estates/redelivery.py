"""The same month a day later: some charges restated, some withdrawn, some new."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from costwire_focus.amounts import COST_COLUMNS, parse
from costwire_focus.canonical import canonical_text, exact_sum, subtract
from costwire_focus.estates.draws import Draws, Ints
from costwire_focus.estates.report import Report

_SCALED = ("PricingQuantity", "ConsumedQuantity", "PricingCurrencyEffectiveCost", *COST_COLUMNS)
_FACTORS = (Decimal("0.9"), Decimal("1.05"), Decimal("1.12"))


def redeliver(
    report: Report, seed: int, *, corrected: int = 0, withdrawn: int = 0, new: int = 0
) -> Report:
    """Restate a report: quantities and costs of `corrected` charges change by one factor each.

    Kept and corrected charges stay in their order, new ones follow at the end; a new charge
    belongs to a resource of its own. `truth["redelivery"]` names rows by number, from 1.
    """
    if report.truth["defects"]:
        raise ValueError(f"re-deliver {report.name}: a report with planted defects stays as it is")
    draws = Draws(seed, "redelivery", report.name)
    chosen = _choose(report, draws, corrected + withdrawn + new)
    changed = np.sort(chosen[:corrected])
    gone = np.sort(chosen[corrected : corrected + withdrawn])
    sources = chosen[corrected + withdrawn :]

    restated = scaled_charges(report.charges, changed, draws.child("corrected"))
    late = _elsewhere(scaled_charges(report.charges, sources, draws.child("new")), seed)
    rows = report.charges.num_rows
    kept = np.setdiff1d(np.arange(rows), gone)
    position = np.arange(rows)
    position[changed] = rows + np.arange(corrected)
    charges = pa.concat_tables([report.charges, restated]).take(pa.array(position[kept]))
    charges = pa.concat_tables([charges, late]).combine_chunks()

    before = cost_sums(report.charges.take(pa.array(np.concatenate([changed, gone]))))
    after = cost_sums(pa.concat_tables([restated, late]))
    truth = report.truth | {
        "rows": charges.num_rows,
        "usable": charges.num_rows,
        "sums": _changed_sums(report.truth["sums"], before, after),
        "redelivery": _changes(report, kept, changed, gone, new),
    }
    ordinary = np.concatenate([report.ordinary[kept], np.ones(new, dtype=np.bool_)])
    return replace(report, charges=charges, truth=truth, ordinary=ordinary)


def _changes(report: Report, kept: Ints, changed: Ints, gone: Ints, new: int) -> dict[str, Any]:
    """What a ledger should find: a corrected charge is once added and once removed."""
    return {
        "of": report.name,
        "added": len(changed) + new,
        "removed": len(changed) + len(gone),
        "corrected": len(changed),
        "unchanged": len(kept) - len(changed),
        "correctedRows": {
            "before": _numbers(changed),
            "after": _numbers(np.searchsorted(kept, changed)),
        },
        "withdrawnRows": _numbers(gone),
        "newRows": _numbers(np.arange(len(kept), len(kept) + new)),
    }


def _choose(report: Report, draws: Draws, count: int) -> Ints:
    candidates = np.flatnonzero(restatable(report))
    if len(candidates) < count:
        raise ValueError(
            f"re-deliver {report.name}: {count} charges are to change, {len(candidates)} can"
        )
    return candidates[draws.order("choice", len(candidates))[:count]]


def restatable(report: Report) -> npt.NDArray[np.bool_]:
    """Plain usage that costs something and names no contract (whose text repeats the cost)."""
    charges = report.charges
    suitable = pc.and_(
        pc.not_equal(parse(charges.column("BilledCost"))[0], Decimal(0)),
        pc.is_valid(charges.column("ResourceId")),
    )
    if "ContractApplied" in charges.column_names:
        suitable = pc.and_(suitable, pc.is_null(charges.column("ContractApplied")))
    return report.ordinary & np.asarray(suitable, np.bool_)


def scaled_charges(charges: pa.Table, rows: Ints, draws: Draws) -> pa.Table:
    """These charges with their quantities and costs changed by a factor, so that products hold."""
    some = charges.take(pa.array(rows))
    factors = [_FACTORS[pick] for pick in draws.below("factor", len(_FACTORS), len(rows))]
    for name in _SCALED:
        if name not in some.column_names:
            continue
        values = parse(some.column(name))[0].to_pylist()
        texts = [
            None if value is None else canonical_text(value * factor)
            for value, factor in zip(values, factors, strict=True)
        ]
        place = some.column_names.index(name)
        some = some.set_column(place, name, pa.array(texts, pa.string()))
    return some


def _elsewhere(charges: pa.Table, seed: int) -> pa.Table:
    """Give each charge a resource of its own."""
    place = charges.column_names.index("ResourceId")
    owners = charges.column("ResourceId").to_pylist()
    texts = [f"{owner}-late-{seed}-{number}" for number, owner in enumerate(owners)]
    return charges.set_column(place, "ResourceId", pa.array(texts, pa.string()))


def cost_sums(charges: pa.Table) -> dict[str, Decimal]:
    """The exact sums of charges in one currency, their amounts as text."""
    return {
        name: exact_sum(
            value for value in parse(charges.column(name))[0].to_pylist() if value is not None
        )
        for name in COST_COLUMNS
    }


def _changed_sums(
    sums: dict[str, dict[str, str]], before: dict[str, Decimal], after: dict[str, Decimal]
) -> dict[str, dict[str, str]]:
    """A report has one billing currency."""
    return {
        currency: {
            name: canonical_text(exact_sum((subtract(Decimal(total), before[name]), after[name])))
            for name, total in totals.items()
        }
        for currency, totals in sums.items()
    }


def _numbers(rows: Ints) -> list[int]:
    return [int(row) + 1 for row in rows]
