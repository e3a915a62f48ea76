"""Refuses what is no FOCUS cost report, saying what it looks like and what to do."""

import difflib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, NoReturn

from costwire_focus.columns import COLUMNS
from costwire_focus.errors import NotFocus

COST_COLUMN: Final = "BilledCost"
PERIOD_COLUMNS: Final = ("BillingPeriodStart", "ChargePeriodStart")


@dataclass(frozen=True)
class Shape:
    """A known export: any of `signs` among the columns gives it away."""

    looks_like: str
    advice: str
    signs: frozenset[str]


_CLOUD_EXPORTS: Final = (
    Shape(
        "an AWS Cost and Usage Report (legacy)",
        'create an export "FOCUS with AWS columns" in Billing, Data Exports',
        frozenset({"lineItem/UnblendedCost", "lineItem/LineItemType", "identity/LineItemId"}),
    ),
    Shape(
        "an AWS Cost and Usage Report 2.0",
        'create an export "FOCUS with AWS columns" in Billing, Data Exports',
        frozenset({"line_item_unblended_cost", "line_item_line_item_type"}),
    ),
    Shape(
        "an Oracle Cloud cost or usage report",
        'take the files under "FOCUS Reports" in the same bucket',
        frozenset({"lineItem/referenceNo", "cost/myCost", "usage/billedQuantity"}),
    ),
    Shape(
        "Azure usage details (actual or amortized cost)",
        'create an export of the type "Cost and usage details (FOCUS)" in Cost Management',
        frozenset(
            {
                "CostInBillingCurrency",
                "costInBillingCurrency",
                "CostInPricingCurrency",
                "costInPricingCurrency",
                "PreTaxCost",
                "ResourceRate",
            }
        ),
    ),
    Shape(
        "a Google Cloud billing export",
        "query it through Google's FOCUS view in BigQuery and export the result",
        frozenset(
            {
                "usage_start_time",
                "cost_at_list",
                "billing_account_id",
                "Unrounded subtotal ($)",
                "Cost type",
            }
        ),
    ),
    Shape(
        "a Kubecost or OpenCost allocation",
        "deliver the FOCUS report of the cloud that the cluster runs on",
        frozenset({"CPUCost", "cpuCost", "CPUCoreUsageAverage", "cpuCoreHours", "ramByteHours"}),
    ),
    Shape(
        "a list of Kubernetes objects, such as FocusConfig",
        "write each spec.focusSpec as an object on a line of its own, with FOCUS's column names",
        frozenset({"apiVersion", "spec"}),
    ),
)
_OTHER_DATASETS: Final = (
    Shape(
        "the FOCUS dataset Contract Commitment",
        "deliver the dataset Cost and Usage",
        frozenset({"ContractCommitmentCost", "ContractCommitmentPeriodStart"}),
    ),
    Shape(
        "the FOCUS dataset Invoice Detail",
        "deliver the dataset Cost and Usage",
        frozenset({"InvoiceDetailGrain", "InvoiceDetailDescription", "InvoiceIssueStatus"}),
    ),
    Shape(
        "the FOCUS dataset Billing Period",
        "deliver the dataset Cost and Usage",
        frozenset({"BillingPeriodStatus", "BillingPeriodCreated"}),
    ),
)


def refuse_foreign(names: Sequence[str]) -> None:
    """Pass the header of a FOCUS cost report, raise `NotFocus` for any other.

    A cost report has BilledCost and at least one of BillingPeriodStart and ChargePeriodStart, and
    no column that only another FOCUS dataset has. Other clouds' columns beside those do not matter.
    """
    present = frozenset(names)
    for shape in _OTHER_DATASETS:
        if present & shape.signs:
            _refuse(shape, present)
    if COST_COLUMN in present and not present.isdisjoint(PERIOD_COLUMNS):
        return
    for shape in _CLOUD_EXPORTS:
        if present & shape.signs:
            _refuse(shape, present)
    if COST_COLUMN not in present:
        raise NotFocus(
            f"read the header: no {COST_COLUMN} column, so this is no FOCUS cost report"
            + _meant(names, COST_COLUMN)
        )
    raise NotFocus(
        f"read the header: no period column, so this is no FOCUS cost report; it needs at least "
        f"one of {' and '.join(PERIOD_COLUMNS)}" + _meant(names, *PERIOD_COLUMNS)
    )


def nearest(name: str) -> str | None:
    """The FOCUS column that a name comes closest to, if any comes close."""
    by_folded = {_folded(column): column for column in COLUMNS}
    close = difflib.get_close_matches(_folded(name), by_folded, n=1, cutoff=0.85)
    return by_folded[close[0]] if close else None


def _refuse(shape: Shape, present: frozenset[str]) -> NoReturn:
    sign = min(present & shape.signs)
    raise NotFocus(
        f"read the header: this looks like {shape.looks_like} (it has the column {sign!r}), "
        f"not a FOCUS cost report; {shape.advice}"
    )


def _meant(names: Sequence[str], *wanted: str) -> str:
    for column in wanted:
        by_folded = {_folded(name): name for name in names}
        if close := difflib.get_close_matches(_folded(column), by_folded, n=1, cutoff=0.75):
            found = by_folded[close[0]]
            return (
                f" (there is {found!r}: rename it to {column}; names are matched exactly, "
                "case included)"
            )
    return ""


def _folded(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())
