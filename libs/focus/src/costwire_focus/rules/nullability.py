"""Which cells must be null and which must not: the specification's nullability table as rules."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import polars as pl

from costwire_focus.columns import columns_of
from costwire_focus.rules.ids import NOT_NULL, OWN_PREFIX, column_id, spec_id
from costwire_focus.rules.rule import (
    Grade,
    Rule,
    category,
    correction,
    present,
    priced,
    status,
    unset,
)

_STATUS: Final = frozenset({"CommitmentDiscountStatus"})
_DISCOUNT_ID: Final = frozenset({"CommitmentDiscountId"})


@dataclass(frozen=True)
class _Pair:
    """A column that is null exactly when its partner is: two rule ids, either may be left out."""

    column: str
    partner: str
    null_id: str | None
    set_id: str | None
    since: str = "1.0"
    set_grade: Grade = Grade.VIOLATION
    advice_before: str = "1.0"  # older versions do not say so in these words


_PAIRS: Final = (
    _Pair("AllocatedResourceName", "AllocatedResourceId", "C-004-C", "C-005-C"),
    _Pair("AllocatedMethodDetails", "AllocatedMethodId", "C-005-C", None),
    _Pair("AllocatedResourceId", "AllocatedMethodId", "C-004-C", None),
    _Pair("AllocatedTags", "AllocatedMethodId", "C-003-C", None),
    _Pair("BillingAccountType", "BillingAccountId", "C-004-C", None),
    _Pair("CapacityReservationStatus", "CapacityReservationId", "C-003-C", None),
    _Pair("CommitmentDiscountCategory", "CommitmentDiscountId", "C-003-C", "C-004-C"),
    _Pair(
        "CommitmentDiscountName",
        "CommitmentDiscountId",
        "C-004-C",
        "C-006-C",
        set_grade=Grade.ADVICE,
    ),
    _Pair("CommitmentDiscountStatus", "CommitmentDiscountId", "C-003-C", None),
    _Pair("CommitmentDiscountType", "CommitmentDiscountId", "C-004-C", "C-005-C"),
    _Pair("CommitmentDiscountUnit", "CommitmentDiscountQuantity", "C-005-C", "C-006-C"),
    _Pair("ConsumedUnit", "ConsumedQuantity", "C-005-C", "C-006-C", since="1.2"),
    _Pair("PricingUnit", "PricingQuantity", "C-005-C", "C-006-C", since="1.2"),
    _Pair("RegionName", "RegionId", "C-004-C", "C-005-C", advice_before="1.2"),
    _Pair("ResourceName", "ResourceId", "C-004-C", None),
    _Pair("ResourceType", "ResourceId", "C-004-C", "C-005-C"),
    _Pair("SkuMeter", "SkuId", "C-004-C", "C-005-C", set_grade=Grade.ADVICE),
    _Pair("SkuPriceDetails", "SkuPriceId", "C-004-C", None),
    _Pair("SubAccountName", "SubAccountId", "C-004-C", "C-005-C"),
    _Pair("SubAccountType", "SubAccountId", "C-004-C", "C-005-C"),
    _Pair("CommitmentDiscountQuantity", "SkuPriceId", "C-016-C", None, since="1.3"),
    _Pair("ConsumedQuantity", "SkuPriceId", "C-009-C", None, since="1.3"),
    _Pair("ContractedUnitPrice", "SkuPriceId", "C-014-C", "C-015-C", since="1.3"),
    _Pair("ListUnitPrice", "SkuPriceId", "C-012-C", "C-013-C", since="1.3"),
    _Pair("PricingCategory", "SkuPriceId", "C-012-C", None, since="1.3"),
    _Pair("PricingCurrencyContractedUnitPrice", "SkuPriceId", "C-011-C", "C-012-C", since="1.3"),
    _Pair("PricingCurrencyListUnitPrice", "SkuPriceId", "C-011-C", "C-012-C", since="1.3"),
    _Pair("PricingQuantity", "SkuPriceId", "C-011-C", None, since="1.3"),
)

_PRICED: Final = {
    "ContractedUnitPrice": ("C-005-C", "C-006-C"),
    "ListUnitPrice": ("C-004-C", "C-005-C"),
    "PricingCategory": ("C-003-C", "C-004-C"),
    "PricingCurrencyContractedUnitPrice": ("C-004-C", "C-005-C"),
    "PricingCurrencyListUnitPrice": ("C-004-C", "C-005-C"),
    "PricingQuantity": ("C-004-C", "C-005-C"),
    "PricingUnit": (None, None),
    "SkuId": ("C-004-C", "C-005-C"),
    "SkuPriceId": ("C-004-C", "C-005-C"),
}
"""Null on a Tax, set on a Usage or Purchase that is no correction."""


def nullability_rules(version: str) -> Iterator[Rule]:
    """The nullability table of one version."""
    rules = (
        *_never_null(version),
        *(_undecided(version) if version < "1.4" else ()),
        *_priced(version),
        *_pairs(version),
        *_consumed(version),
        *_commitments(version),
        *_providers(version),
    )
    known = columns_of(version).keys()
    yield from (rule for rule in rules if rule.column in known and rule.needs <= known)


def _never_null(version: str) -> Iterator[Rule]:
    for column in columns_of(version).values():
        if not column.nullable:
            yield Rule(
                column_id(column.id, NOT_NULL, "NotNull", version),
                Grade.VIOLATION,
                column.id,
                f"{column.id} must not be null",
                unset(column.id),
            )


def _undecided(version: str) -> Iterator[Rule]:
    """The tables of 1.2 and 1.3 let these be null, their texts do not; 1.4 settles on the texts."""
    for column in ("PricingCurrency", "PricingCurrencyEffectiveCost"):
        yield _rule(
            version,
            column,
            NOT_NULL[column],
            f"{column} should not be null",
            unset(column),
            Grade.ADVICE,
        )


def _priced(version: str) -> Iterator[Rule]:
    for column, (null_number, set_number) in _PRICED.items():
        if column == "PricingUnit" and version >= "1.2":
            continue
        yield _rule(
            version,
            column,
            null_number or "NullOnTax",
            f"{column} must be null on a Tax charge",
            present(column) & category("Tax"),
        )
        yield _rule(
            version,
            column,
            set_number or "NotNullOnUsage",
            f"{column} must not be null on a Usage or Purchase charge that is no correction",
            unset(column) & priced(),
        )


def _pairs(version: str) -> Iterator[Rule]:
    for pair in _PAIRS:
        if version < pair.since:
            continue
        column, partner = pair.column, pair.partner
        older = version < pair.advice_before
        if pair.null_id:
            yield _rule(
                version,
                column,
                pair.null_id,
                f"{column} must be null when {partner} is null",
                present(column) & unset(partner),
                Grade.ADVICE if older else Grade.VIOLATION,
            )
        if pair.set_id:
            must = "should" if older or pair.set_grade is Grade.ADVICE else "must"
            yield _rule(
                version,
                column,
                pair.set_id,
                f"{column} {must} not be null when {partner} is not null",
                unset(column) & present(partner),
                Grade.ADVICE if older else pair.set_grade,
            )


def _consumed(version: str) -> Iterator[Rule]:
    measured = category("Usage")
    unused, but_for = "", "corrections"
    if version > "1.0":
        measured = measured & ~status("Unused")
        unused = " or is the unused part of a commitment"
        but_for = "corrections and unused parts of commitments"
    columns = {"ConsumedQuantity": ("C-004-C", "C-006-C")}
    if version < "1.2":
        columns["ConsumedUnit"] = ("NullOffUsage", "NotNullOnUsage")
    for column, (null_number, set_number) in columns.items():
        yield _rule(
            version,
            column,
            null_number,
            f"{column} must be null on a charge that is not Usage{unused}",
            present(column) & present("ChargeCategory") & ~measured,
            optional=_STATUS,
        )
        yield _rule(
            version,
            column,
            set_number,
            f"{column} must not be null on Usage, but for {but_for}",
            unset(column) & measured & ~correction(),
            optional=_STATUS,
        )


def _commitments(version: str) -> Iterator[Rule]:
    quantity, discount = "CommitmentDiscountQuantity", present("CommitmentDiscountId")
    usage_or_purchase = category("Usage", "Purchase") & discount
    yield _rule(
        version,
        "CommitmentDiscountStatus",
        "C-004-C",
        "CommitmentDiscountStatus must not be null on Usage with a CommitmentDiscountId",
        unset("CommitmentDiscountStatus") & discount & category("Usage"),
    )
    yield _rule(
        version,
        quantity,
        "C-005-C",
        f"{quantity} must not be null on a Usage or Purchase with a CommitmentDiscountId that is "
        "no correction",
        unset(quantity) & usage_or_purchase & ~correction(),
    )
    yield _rule(
        version,
        quantity,
        "C-007-C",
        f"{quantity} must be null unless the charge is Usage or Purchase with a "
        "CommitmentDiscountId",
        present(quantity) & present("ChargeCategory") & ~usage_or_purchase,
        optional=_DISCOUNT_ID,
    )
    reservation = "CapacityReservationStatus"
    yield _rule(
        version,
        "CapacityReservationId",
        "C-005-C",
        f"CapacityReservationId must not be null when {reservation} is Unused",
        unset("CapacityReservationId") & (pl.col(reservation) == "Unused").fill_null(False),
    )
    yield _rule(
        version,
        reservation,
        "C-004-C",
        f"{reservation} must not be null on Usage with a CapacityReservationId",
        unset(reservation) & present("CapacityReservationId") & category("Usage"),
    )


def _providers(version: str) -> Iterator[Rule]:
    yield _rule(
        version,
        "HostProviderName",
        "C-006-M",
        "HostProviderName should not be null on a charge that is neither Tax nor Adjustment",
        unset("HostProviderName") & ~category("Tax", "Adjustment"),
        Grade.ADVICE,  # services that run on no infrastructure may leave it out; no row tells
    )


def _rule(
    version: str,
    column: str,
    number: str,
    sentence: str,
    broken: pl.Expr,
    grade: Grade = Grade.VIOLATION,
    *,
    optional: frozenset[str] = frozenset(),
) -> Rule:
    """A rule by its number in the specification, or by a word of ours where it has none."""
    named_by_us = not number.startswith("C-")
    rule_id = (
        f"{OWN_PREFIX}{column}-{number}" if named_by_us else spec_id(f"{column}-{number}", version)
    )
    return Rule(rule_id, grade, column, sentence, broken, optional)
