"""How rows of a commitment discount name it, and how reservations and discounts are told."""

from collections.abc import Iterator
from typing import Final

import polars as pl

from costwire_focus.columns import columns_of
from costwire_focus.currencies import NATIONAL_CODES
from costwire_focus.rules.ids import OWN_PREFIX, spec_id
from costwire_focus.rules.rule import (
    Grade,
    Rule,
    category,
    correction,
    not_zero,
    present,
    status,
    text,
    unset,
)

_ID: Final = "CommitmentDiscountId"
_STATUS: Final = "CommitmentDiscountStatus"
_UNIT: Final = "CommitmentDiscountUnit"
_PRICING: Final = "PricingCategory"


def commitment_rules(version: str) -> Iterator[Rule]:
    """The rules of one version about commitment discounts, row by row."""
    rules = (*_named(version), *_covered(), *_priced(version), *_unit())
    known = columns_of(version).keys()
    yield from (rule for rule in rules if rule.needs <= known)


def _named(version: str) -> Iterator[Rule]:
    """Which id stands where: the commitment's own, or that of what it covers."""
    own = text("ResourceId").ne_missing(text(_ID)) & present(_ID) & ~correction()
    yield Rule(
        spec_id("DiscountHandling-A-012-C", version),
        Grade.VIOLATION,
        "ResourceId",
        f"ResourceId must be the {_ID} on the Purchase of a commitment",
        category("Purchase") & own,
    )
    yield Rule(
        spec_id("DiscountHandling-A-016-C", version),
        Grade.VIOLATION,
        "ResourceId",
        f"ResourceId must be the resource that a commitment covers, not the {_ID}",
        category("Usage") & status("Used") & (text("ResourceId") == text(_ID)),
    )
    yield Rule(
        spec_id("DiscountHandling-A-018-C", version),
        Grade.VIOLATION,
        _STATUS,
        f"{_STATUS} must be Unused on Usage only",
        status("Unused") & present("ChargeCategory") & ~category("Usage"),
    )
    yield Rule(
        spec_id("DiscountHandling-A-019-C", version),
        Grade.VIOLATION,
        "ResourceId",
        f"ResourceId must be the {_ID} on the unused part of a commitment",
        category("Usage") & status("Unused") & own,
    )


def _covered() -> Iterator[Rule]:
    yield Rule(
        f"{OWN_PREFIX}BilledCost-Covered",
        Grade.ADVICE,
        "BilledCost",
        "BilledCost should be 0 on Usage that a commitment covers in full",
        category("Usage") & status("Used") & ~correction() & not_zero("BilledCost"),
    )
    yield Rule(
        f"{OWN_PREFIX}{_STATUS}-OffUsage",
        Grade.ADVICE,
        _STATUS,
        f"{_STATUS} should be null on a charge that is not Usage",
        status("Used") & present("ChargeCategory") & ~category("Usage"),
    )


def _priced(version: str) -> Iterator[Rule]:
    committed = text(_PRICING) == "Committed"
    yield Rule(
        f"{OWN_PREFIX}{_PRICING}-Uncommitted",
        Grade.ADVICE,
        _PRICING,
        f"{_PRICING} is Committed though {_ID} is null",
        committed & unset(_ID),
    )
    yield Rule(
        spec_id(f"{_PRICING}-C-009-C", version),
        Grade.VIOLATION,
        _PRICING,
        f"{_PRICING} must be Committed on Usage that a commitment covers",
        category("Usage") & status("Used") & ~correction() & (text(_PRICING) != "Committed"),
    )
    if version > "1.0":  # 1.0 wants it wherever the id is set, on the purchase too
        yield Rule(
            f"{OWN_PREFIX}{_PRICING}-Purchase",
            Grade.ADVICE,
            _PRICING,
            f"{_PRICING} should not be Committed on the Purchase of a commitment",
            category("Purchase") & committed & present(_ID),
        )


def _unit() -> Iterator[Rule]:
    code: pl.Expr = text(_UNIT).is_in(sorted(NATIONAL_CODES))
    yield Rule(
        f"{OWN_PREFIX}{_UNIT}-Spend",
        Grade.ADVICE,
        _UNIT,
        f"{_UNIT} should be a currency where CommitmentDiscountCategory is Spend",
        (text("CommitmentDiscountCategory") == "Spend")
        & ~code
        & text(_UNIT).ne_missing(text("PricingCurrency")),
        optional=frozenset({"PricingCurrency"}),
    )
