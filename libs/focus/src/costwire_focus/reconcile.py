"""Holding the two readers of a part against each other."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from costwire_focus.amounts import read
from costwire_focus.batch import Unusable
from costwire_focus.canonical import canonical_text, exact_sum
from costwire_focus.own_rules import BROKEN_QUOTES
from costwire_focus.recount import Recount


def disagreement(
    records: int, billed_cost: Decimal, uncut: Iterable[Unusable], second: Recount
) -> str | None:
    """What the second reader saw otherwise, as a sentence; None when both saw the same.

    `records`, `billed_cost`: every record of the part, and the sum over those cut into cells.
    `uncut`:  the rows that the first reader could not cut into cells. The second takes what stands
              at BilledCost's place in them for an amount, so that is counted here too. Where quotes
              are broken, what a record is cannot be known, and the two may differ.
    """
    uncut = list(uncut)
    if any(row.rule == BROKEN_QUOTES for row in uncut):
        return None
    if records != second.records:
        return (
            f"one reader finds {records} records, {second.reader} finds {second.records}; "
            "the file may still be being written, or its quotes are broken"
        )
    naive = [read(cell) for row in uncut if (cell := second.cost_in(row.raw)) is not None]
    expected = exact_sum([billed_cost, *(amount for amount in naive if amount is not None)])
    if expected != second.billed_cost:
        return (
            f"the sum of BilledCost is {canonical_text(expected)} by one reader and "
            f"{canonical_text(second.billed_cost)} by {second.reader}"
        )
    return None
