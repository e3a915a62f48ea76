"""Why a verdict of the official validator (2.2.1, model 1.2.0.1) is not Costwire's.

Each defect of the tool has a mending of the same name in `official_mending.py`: with all of them
mended, only the differences in `OURS` may be left.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Side(StrEnum):
    """Who alone finds that a rule is broken."""

    OFFICIAL = "the official one"
    COSTWIRE = "Costwire"


Difference = tuple[str, Side]
"""A rule, and who alone finds it broken."""


@dataclass(frozen=True)
class Defect:
    """One defect of the tool, what FOCUS 1.2 says there, and the differences that come of it."""

    told: str
    focus: str
    makes: frozenset[Difference]
    beside: tuple[str, ...] = ()
    """Other defects that make the same differences: all have to be mended."""


def _defect(
    told: str,
    focus: str,
    *,
    official: Iterable[str] = (),
    costwire: Iterable[str] = (),
    beside: tuple[str, ...] = (),
) -> Defect:
    """`official`, `costwire`: the rules that this side alone finds broken."""
    alone = {(rule, Side.OFFICIAL) for rule in official}
    makes = frozenset(alone | {(rule, Side.COSTWIRE) for rule in costwire})
    return Defect(told, focus, makes, beside)


_PERIODS: Final = ("BillingPeriodStart", "BillingPeriodEnd", "ChargePeriodStart", "ChargePeriodEnd")

DEFECTS: Final[Mapping[str, Defect]] = {
    "closed lists": _defect(
        "counts alternatives over the file: words outside a closed list pass unless all are",
        "each value is one of the list",
        costwire=(
            *("CapacityReservationStatus-C-006-M", "ChargeCategory-C-003-M"),
            *("ChargeFrequency-C-003-M", "CommitmentDiscountCategory-C-005-M"),
            *("CommitmentDiscountStatus-C-005-M", "PricingCategory-C-007-M"),
            *("ServiceCategory-C-003-M", "ServiceSubcategory-C-003-M"),
            "ServiceSubcategory-C-004-M",
        ),
    ),
    "not a correction": _defect(
        "takes null for no answer to whether ChargeClass is not Correction",
        "ChargeClass is null on whatever corrects nothing",
        costwire=(
            *("CommitmentDiscountQuantity-C-005-C", "ContractedUnitPrice-C-006-C"),
            *("ContractedUnitPrice-C-011-C", "ListCost-C-009-C", "ListUnitPrice-C-005-C"),
            *("ListUnitPrice-C-010-C", "PricingCategory-C-004-C"),
            *("PricingCurrencyListUnitPrice-C-005-C", "PricingQuantity-C-005-C"),
            *("SkuId-C-005-C", "SkuPriceId-C-005-C"),
        ),
    ),
    "conversion": _defect(
        "converts cells before it judges them: drops a date/time column with a null or an "
        "unreadable cell; in CSV lets other forms of dates pass, makes unreadable ones null, "
        "digits numbers and whole numbers no decimals",
        "one form of date/time; the type of a column is not that of its present cells",
        official=(
            *("CostAndUsage-D-009-M", "CostAndUsage-D-010-M"),
            *("CostAndUsage-D-028-M", "CostAndUsage-D-037-M"),
            *("BillingAccountId-C-002-M", "InvoiceId-C-001-M", "SubAccountId-C-001-M"),
            *("CommitmentDiscountQuantity-C-001-M", "ConsumedQuantity-C-001-M"),
            "PricingQuantity-C-001-M",
            *(f"{column}-C-003-M" for column in _PERIODS),
        ),
        costwire=(f"{column}-C-00{number}-M" for column in _PERIODS for number in (1, 2)),
    ),
    "numbers in text": _defect(
        "compares all cells of a column as text where one is no number (seen once EffectiveCost is "
        "not wanted to be 0 on every Purchase)",
        "0.00 is 0",
    ),
    "any capability": _defect(
        "wants a column from providers that support one of two things",
        "it is wanted from those that support both",
        official=(f"CostAndUsage-D-0{number}-C" for number in (47, 48, 51, 52, 55, 56)),
    ),
    "conditions of another form": _defect(
        "loses two conditions, which its model writes in a form of their own",
        "the status is null without a reservation, and set on usage with one",
        official=("CapacityReservationStatus-C-003-C", "CapacityReservationStatus-C-004-C"),
    ),
    "conditions upside down": _defect(
        "has two conditions the wrong way round in its model",
        "the status is set with a commitment, the quantity where nothing is corrected",
        official=("CommitmentDiscountStatus-C-004-C",),
        costwire=("ConsumedQuantity-C-006-C",),
        beside=("not a correction",),
    ),
    "half a condition": _defect(
        "wants 0 on every Purchase",
        "on those that cover later charges; Costwire goes by the CommitmentDiscountId",
        official=("EffectiveCost-C-005-C",),
    ),
    "another column": _defect(
        "names PricingCurrencyListUnitPrice in the rule, and wants no negative one",
        "any decimal",
        official=("PricingCurrencyEffectiveCost-C-004-M",),
    ),
    "other words": _defect(
        "allows Active, Expired and Pending (seen once closed lists are mended)",
        "Used and Unused",
    ),
    "keys of null": _defect(
        "takes rows without a name for a service",
        "a null ServiceName breaks a rule of its own",
        official=("ServiceName-C-005-C", "ServiceName-C-008-C"),
    ),
    "no condition": _defect(
        "has two rules without condition that exclude each other",
        "whether there is an invoice decides, which no column tells",
        official=("InvoiceId-C-004-C", "InvoiceId-C-005-C"),
    ),
    "a guess": _defect(
        "takes a provider that is not the issuer for a payment to a third party",
        "the payment decides, which no column tells",
        official=("BilledCost-C-005-C",),
    ),
}
"""In `no condition` and `a guess` the mending leaves the rules out: no data decide them."""

_SET_ASIDE: Final = (
    "Costwire sets a row with an unreadable amount aside, and judges no other cell of it"
)

OURS: Final[Mapping[Difference, str]] = {
    ("ConsumedQuantity-C-004-C", Side.OFFICIAL): _SET_ASIDE,
    ("ConsumedUnit-C-006-C", Side.OFFICIAL): _SET_ASIDE,
}
"""Differences that are no defect of the tool's."""


def has_reason(difference: Difference) -> bool:
    """Whether a difference from the tool as it is shipped is explained."""
    return difference in OURS or any(difference in one.makes for one in DEFECTS.values())
