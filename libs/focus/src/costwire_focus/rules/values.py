"""What a cell may hold: closed lists, written forms, signs, and what other cells allow."""

from collections.abc import Iterator

import polars as pl

from costwire_focus.columns import Column, ValueType, columns_of
from costwire_focus.rules.ids import (
    ALLOWED_VALUES,
    FORMAT,
    NOT_NEGATIVE,
    OWN_PREFIX,
    column_id,
    spec_id,
)
from costwire_focus.rules.rule import (
    Grade,
    Rule,
    category,
    correction,
    flag,
    instant,
    number,
    status,
    text,
    unset,
)

JSON_FORM = "json"
KEYS = "keys"
KEY_TYPES = "types"
NUMBER_FORM = "form"
INSTANT_FORM = "form"
INSTANT_FINER = "finer"

_WHAT_IS_TYPED = {
    ValueType.AMOUNT: "a number as FOCUS writes it: no plus sign, E notation as in 35.2E-7",
    ValueType.INSTANT: "a date and time of the form YYYY-MM-DDTHH:mm:ssZ",
    ValueType.TAGS: "a JSON object, each key once, each value a number, text, true, false or null",
    ValueType.JSON: "a JSON object, each key once, no array with nulls, repeats or mixed types",
}
_FLAT_JSON = "Key-Value Format"
_CODE = "^[A-Z]{3}$"


def value_rules(version: str) -> Iterator[Rule]:
    """The rules of one version about single values and about values side by side."""
    columns = columns_of(version)
    for column in columns.values():
        yield from _listed(column, version)
        yield from _formed(column, version)
        if column.number_range == "non-negative":
            yield Rule(
                column_id(column.id, NOT_NEGATIVE, "NotNegative", version),
                Grade.VIOLATION,
                column.id,
                f"{column.id} must not be negative",
                number(column.id) < 0,
            )
    yield from _combinations(version)
    yield from _periods()


def _listed(column: Column, version: str) -> Iterator[Rule]:
    if column.allowed_values is None:
        return
    values = column.allowed_values
    if len(values) > 5:
        listed = f"one of the {len(values)} values in the data dictionary"
    else:
        listed = " or ".join(values)
    yield Rule(
        column_id(column.id, ALLOWED_VALUES, "AllowedValues", version),
        Grade.VIOLATION,
        column.id,
        f"{column.id} must be {listed}, spelled exactly so",
        ~text(column.id).is_in(values),
    )


def _formed(column: Column, version: str) -> Iterator[Rule]:
    verdict = {
        ValueType.AMOUNT: NUMBER_FORM,
        ValueType.INSTANT: INSTANT_FORM,
        ValueType.TAGS: JSON_FORM,
        ValueType.JSON: JSON_FORM,
    }.get(column.value_type)
    if verdict:
        flat = column.format == _FLAT_JSON
        form = _WHAT_IS_TYPED[ValueType.TAGS if flat else column.value_type]
        yield Rule(
            column_id(column.id, FORMAT, "Format", version),
            Grade.VIOLATION,
            column.id,
            f"{column.id} must be {form}",
            flag(column.id, verdict),
        )
    if column.id == "BillingCurrency":
        yield Rule(
            column_id(column.id, FORMAT, "Format", version),
            Grade.VIOLATION,
            column.id,
            f"{column.id} must be a currency code of ISO 4217, three capital letters",
            ~text(column.id).str.contains(_CODE),
        )
    if column.value_type is ValueType.INSTANT:
        yield Rule(
            f"{OWN_PREFIX}{column.id}-Finer",
            Grade.ADVICE,
            column.id,
            f"{column.id} is finer than a millisecond; what is finer is cut off",
            flag(column.id, INSTANT_FINER),
        )
    if column.properties:
        yield from _properties(column, version)


def _properties(column: Column, version: str) -> Iterator[Rule]:
    yield Rule(
        spec_id("SkuPriceDetails-C-017-C", version),
        Grade.VIOLATION,
        column.id,
        f"a key of {column.id} that FOCUS does not define must begin with x_",
        flag(column.id, KEYS),
    )
    yield Rule(
        spec_id("SkuPriceDetails-C-021-M", version),
        Grade.VIOLATION,
        column.id,
        f"a key of {column.id} that FOCUS defines must hold a value of the type defined",
        flag(column.id, KEY_TYPES),
    )


def _combinations(version: str) -> Iterator[Rule]:
    yield Rule(
        spec_id("ChargeFrequency-C-004-C", version),
        Grade.VIOLATION,
        "ChargeFrequency",
        "ChargeFrequency must not be Usage-Based on a Purchase",
        category("Purchase") & (text("ChargeFrequency") == "Usage-Based"),
    )
    columns = columns_of(version)
    if "ServiceSubcategory" in columns:
        parents = dict(columns["ServiceSubcategory"].parents)
        parent = text("ServiceSubcategory").replace_strict(
            list(parents), list(parents.values()), default=None, return_dtype=pl.String
        )
        yield Rule(
            spec_id("ServiceSubcategory-C-004-M", version),
            Grade.VIOLATION,
            "ServiceSubcategory",
            "ServiceSubcategory must belong to the ServiceCategory beside it",
            parent != text("ServiceCategory"),
        )
    yield Rule(
        spec_id("PricingCategory-C-009-C", version),
        Grade.VIOLATION,
        "PricingCategory",
        "PricingCategory must be Committed on Usage that a commitment covers",
        category("Usage")
        & status("Used")
        & ~correction()
        & (text("PricingCategory") != "Committed"),
    )
    yield Rule(
        f"{OWN_PREFIX}PricingCategory-Uncommitted",
        Grade.ADVICE,
        "PricingCategory",
        "PricingCategory is Committed though CommitmentDiscountId is null",
        (text("PricingCategory") == "Committed") & unset("CommitmentDiscountId"),
    )
    if version == "1.1":
        yield Rule(
            f"{OWN_PREFIX}CommitmentDiscountQuantity-Positive",
            Grade.VIOLATION,
            "CommitmentDiscountQuantity",
            "CommitmentDiscountQuantity must be positive",
            number("CommitmentDiscountQuantity") <= 0,
        )
    zone = text("AvailabilityZone")
    yield Rule(
        f"{OWN_PREFIX}AvailabilityZone-Amount",
        Grade.ADVICE,
        "AvailabilityZone",
        "AvailabilityZone holds a decimal number or the ListUnitPrice, as if columns had slipped",
        zone.str.contains(r"^-?[0-9]*\.[0-9]+$") | (zone == text("ListUnitPrice")),
        optional=frozenset({"ListUnitPrice"}),
    )


def _periods() -> Iterator[Rule]:
    for period in ("BillingPeriod", "ChargePeriod"):
        start, end = f"{period}Start", f"{period}End"
        yield Rule(
            f"{OWN_PREFIX}{period}-Order",
            Grade.VIOLATION,
            start,
            f"{start} must be before {end}",
            instant(start) >= instant(end),
        )
    yield Rule(
        f"{OWN_PREFIX}ChargePeriod-OutsideBillingPeriod",
        Grade.ADVICE,
        "ChargePeriodStart",
        "the charge period lies outside the billing period, in whole or in part",
        (instant("ChargePeriodStart") < instant("BillingPeriodStart"))
        | (instant("ChargePeriodEnd") > instant("BillingPeriodEnd")),
    )
