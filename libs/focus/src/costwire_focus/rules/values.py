"""What a cell may hold: closed lists, written forms, signs, and what other cells allow."""

from collections.abc import Iterator

import polars as pl

from costwire_focus.columns import Column, ValueType, columns_of
from costwire_focus.currencies import NATIONAL_CODES
from costwire_focus.rules.ids import (
    ALLOWED_VALUES,
    FORMAT,
    NOT_NEGATIVE,
    OWN_PREFIX,
    UNITS,
    column_id,
    spec_id,
)
from costwire_focus.rules.rule import (
    WHOLE_ROW,
    Grade,
    Rule,
    category,
    flag,
    instant,
    negative,
    number,
    text,
    unset,
)
from costwire_focus.rules.shapes import shape_of
from costwire_focus.rules.texts import BLANK, PLACEHOLDER
from costwire_focus.rules.units import UNIT_FORM

JSON_FORM = "json"
KEYS = "keys"
KEY_TYPES = "types"
KEY_CASE = "case"
DEPTH = "depth"
SHAPE = "shape"
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
_UNIT_FORMAT = "Unit Format"
_CODE = "^[A-Z]{3}$"
_SECOND = 1_000
_HOUR = 3_600 * _SECOND
_DAY = 24 * _HOUR


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
                negative(column.id),
            )
    yield from _currencies(version)
    yield from _texts(version)
    yield from _combinations(version)
    yield from _periods(version)


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
        flat = flat_json(column)
        form = _WHAT_IS_TYPED[ValueType.TAGS if flat else column.value_type]
        yield Rule(
            column_id(column.id, FORMAT, "Format", version),
            Grade.VIOLATION,
            column.id,
            f"{column.id} must be {form}",
            flag(column.id, verdict),
        )
    if column.format and column.format.startswith(_UNIT_FORMAT):
        yield Rule(
            column_id(column.id, UNITS, "Unit", version),
            Grade.ADVICE,
            column.id,
            f"{column.id} should be a unit as FOCUS writes it: GB, Hours, GB-Hours, GB/Hour, "
            "1000 Tokens",
            flag(column.id, UNIT_FORM),
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
    if column.value_type is ValueType.JSON and not flat_json(column):
        yield from _nested(column, version)


def flat_json(column: Column) -> bool:
    """Whether the column holds pairs of key and value, none of them nested."""
    return column.format == _FLAT_JSON


def _nested(column: Column, version: str) -> Iterator[Rule]:
    yield Rule(
        f"{OWN_PREFIX}{column.id}-Depth",
        Grade.ADVICE,
        column.id,
        f"objects in {column.id} should not be nested deeper than 3 levels",
        flag(column.id, DEPTH),
    )
    if shape := shape_of(column.id, version):
        keys = ", ".join(shape.kinds)
        yield Rule(
            f"{OWN_PREFIX}{column.id}-Shape",
            Grade.VIOLATION,
            column.id,
            f"{column.id} must hold {shape.listed}, a list of objects with {keys}, each of its "
            "kind and given where the others want it; more keys begin with x_",
            flag(column.id, SHAPE),
        )


def _currencies(version: str) -> Iterator[Rule]:
    billing, pricing = "BillingCurrency", "PricingCurrency"
    yield Rule(
        column_id(billing, FORMAT, "Format", version),
        Grade.VIOLATION,
        billing,
        f"{billing} must be a currency code of ISO 4217, three capital letters",
        ~text(billing).str.contains(_CODE),
    )
    yield Rule(
        spec_id(f"{billing}-C-006-M", version),
        Grade.VIOLATION,
        billing,
        f"{billing} must be the currency of a nation, not a virtual one",
        ~text(billing).is_in(sorted(NATIONAL_CODES)),
    )
    if pricing in columns_of(version):
        code = text(pricing).str.to_uppercase()
        yield Rule(
            column_id(pricing, FORMAT, "Format", version),
            Grade.VIOLATION,
            pricing,
            f"{pricing} must be written in three capital letters where it is a nation's",
            (code != text(pricing)) & code.str.strip_chars().is_in(sorted(NATIONAL_CODES)),
        )


def _texts(version: str) -> Iterator[Rule]:
    yield Rule(
        spec_id("NullHandling-A-002-M", version),
        Grade.VIOLATION,
        None,
        "a cell without a value must be null, not a placeholder such as N/A or Not Applicable",
        flag(WHOLE_ROW, PLACEHOLDER),
    )
    yield Rule(
        spec_id("StringHandling-A-007-M", version),
        Grade.ADVICE,
        None,
        "a text should not consist of blanks alone",
        flag(WHOLE_ROW, BLANK),
    )
    yield Rule(
        spec_id("ChargeDescription-C-003-O", version),
        Grade.ADVICE,
        "ChargeDescription",
        "ChargeDescription should not be null",
        unset("ChargeDescription"),
    )
    yield Rule(
        spec_id("BillingAccountName-C-003-C", version),
        Grade.ADVICE,
        "BillingAccountName",
        "BillingAccountName should not be null where billing accounts can be named",
        unset("BillingAccountName"),
    )
    yield Rule(
        spec_id("ResourceName-C-006-C", version),
        Grade.ADVICE,
        "ResourceName",
        "ResourceName should not repeat a ResourceId that a system made",
        text("ResourceName") == text("ResourceId"),
    )


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
    yield Rule(
        spec_id("SkuPriceDetails-C-002-O", version),
        Grade.ADVICE,
        column.id,
        f"the keys of {column.id} should be in PascalCase",
        flag(column.id, KEY_CASE),
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


def _periods(version: str) -> Iterator[Rule]:
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
    yield Rule(
        spec_id("BillingPeriodEnd-C-004-M", version),
        Grade.ADVICE,
        "BillingPeriodEnd",
        "BillingPeriodEnd should be the first instant after the period, not its last day or second",
        _is_last_second("BillingPeriodEnd")
        | (
            _starts_month("BillingPeriodStart")
            & _starts_month("BillingPeriodEnd", _DAY)
            & (instant("BillingPeriodEnd") % _DAY == 0)
        ),
    )
    yield Rule(
        spec_id("ChargePeriodEnd-C-004-M", version),
        Grade.ADVICE,
        "ChargePeriodEnd",
        "ChargePeriodEnd should be the first instant after the period, not its last second",
        _is_last_second("ChargePeriodEnd"),
    )


def _is_last_second(column: str) -> pl.Expr:
    """Within the last second of an hour."""
    return instant(column) % _HOUR >= _HOUR - _SECOND


def _starts_month(column: str, later: int = 0) -> pl.Expr:
    """The column's instant, so many milliseconds later, is on the first day of a month."""
    return (instant(column) + later).cast(pl.Datetime("ms")).dt.day() == 1
