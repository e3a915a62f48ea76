"""For every rule of the registry, what to change in a right charge so that it breaks the rule."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from costwire_focus import own_rules
from costwire_focus.columns import VERSIONS, Column, ValueType, columns_of
from costwire_focus.rules import rules_of
from costwire_focus.rules.header import absent_columns
from costwire_focus.rules.ids import OWN_PREFIX, presence_id, spec_id
from costwire_focus.rules.registry import REMARKS
from costwire_focus.rules.shapes import shape_of

Cells = Mapping[str, str | None]


@dataclass(frozen=True)
class Violation:
    """Charges of a report, each told by what differs from a right one, that break a rule."""

    rows: tuple[Cells, ...] = ({},)
    without: str | None = None
    """A column that the report lacks."""
    more: tuple[str, ...] = ()
    """Columns that it has besides those of the version."""
    first: bool = False
    """They stand before all others."""
    declared: tuple[str, ...] = field(default=())


APPLIED_BY_READERS = frozenset(
    {
        *(rule.id for rule in REMARKS),
        own_rules.BROKEN_QUOTES,
        own_rules.FIELD_COUNT,
        own_rules.NOT_A_RECORD,
        own_rules.UNDECODABLE,
    }
)
"""Broken in the tests of the readers: no charge in columns of text can."""
APPLIED_BY_STORES = frozenset({own_rules.STORE_REFUSED})

TAX: Cells = {"ChargeCategory": "Tax", "ConsumedQuantity": None, "ConsumedUnit": None}
PURCHASE: Cells = {
    "ChargeCategory": "Purchase",
    "ChargeFrequency": "Recurring",
    "ConsumedQuantity": None,
    "ConsumedUnit": None,
}
PLAN: Cells = {
    "CommitmentDiscountId": "plan-1",
    "CommitmentDiscountName": "Plan",
    "CommitmentDiscountType": "Savings plan",
    "CommitmentDiscountCategory": "Spend",
    "CommitmentDiscountQuantity": "3",
    "CommitmentDiscountUnit": "EUR",
}
USED: Cells = {
    **PLAN,
    "CommitmentDiscountStatus": "Used",
    "PricingCategory": "Committed",
    "BilledCost": "0",
}
UNUSED: Cells = {
    **USED,
    "CommitmentDiscountStatus": "Unused",
    "ResourceId": "plan-1",
    "ConsumedQuantity": None,
    "ConsumedUnit": None,
}
CORRECTION: Cells = {"ChargeClass": "Correction"}
CREDIT: Cells = {
    "ChargeCategory": "Credit",
    "ConsumedQuantity": None,
    "ConsumedUnit": None,
    "ListUnitPrice": None,
    "ContractedUnitPrice": None,
    "BilledCost": "-1.00",
    "ListCost": "-1.00",
    "ContractedCost": "-1.00",
    "EffectiveCost": "-1.00",
}


def violations(version: str) -> dict[str, Violation]:
    """By rule id, charges that break it; a rule of the version without one is a missing key."""
    found: dict[str, Violation] = {}
    for makers in (_of_headers, _of_columns, _of_pairs, _of_rows, _of_own):
        for rule_id, violation in makers(version):
            found.setdefault(rule_id, violation)
    return found


def _of_headers(version: str) -> Iterator[tuple[str, Violation]]:
    names = columns_of(version).keys()
    for name in names:
        if any(column.id == name for column in absent_columns(names - {name}, version)):
            yield presence_id(name, version), Violation(without=name)
    yield "ColumnHandling-A-010-M", Violation(more=("Colour",))
    yield "ColumnHandling-A-005-O", Violation(more=("x_" + "A" * 50,))
    yield "ColumnHandling-A-011-O", Violation(more=("x_cost_centre",))
    yield "ColumnHandling-A-013-O", Violation(more=("x_Team",), first=True)
    yield f"{OWN_PREFIX}ColumnCase", Violation(more=("billedcost",))
    yield f"{OWN_PREFIX}ColumnDraftName", Violation(more=("AmortizedCost",))
    other = "ServiceProviderName" if version < "1.3" else "ProviderName"
    other = other if other not in names else "InvoiceDetailId"
    yield f"{OWN_PREFIX}ColumnOtherVersion", Violation(more=(other,))


_MALFORMED = {
    ValueType.AMOUNT: "+1",
    ValueType.INSTANT: "2024-09-01 00:00",
    ValueType.TAGS: '{"a": 1, "a": 2}',
    ValueType.JSON: '{"Elements": [1, null]}',
}


def _of_columns(version: str) -> Iterator[tuple[str, Violation]]:
    rules = rules_of(version)
    for column in columns_of(version).values():
        for rule in rules:
            if rule.column == column.id and rule.broken is not None:
                for cells in _by_sentence(column, rule.sentence):
                    yield rule.id, Violation((cells,))


def _by_sentence(column: Column, sentence: str) -> Iterator[Cells]:
    """Cells for the rules of which every column of a kind has one."""
    name = column.id
    if sentence in (f"{name} must not be null", f"{name} should not be null"):
        yield {name: None}
    elif "spelled exactly so" in sentence:
        yield {name: "something else"}
    elif sentence == f"{name} must not be negative":
        yield {name: "-1"}
    elif "finer than a millisecond" in sentence:
        yield {name: "2024-09-01T00:00:00.0001Z"}
    elif "should be a unit" in sentence:
        yield {name: "GB per Hour"}
    elif column.value_type in _MALFORMED and " must be a" in sentence:
        yield {name: _MALFORMED[column.value_type]}
    elif "null on a Tax" in sentence:
        yield {**TAX, name: "1"}
    elif "must not be null on a Usage or Purchase charge" in sentence:
        yield {name: None}
    elif "nested deeper" in sentence:
        yield {name: '{"x_A": {"b": {"c": {"d": 1}}}}'}


def _of_pairs(version: str) -> Iterator[tuple[str, Violation]]:
    """A column that goes with another: one of the two is null."""
    for rule in rules_of(version):
        words = rule.sentence.split()
        if " be null when " in rule.sentence or " must be null when" in rule.sentence:
            partner = words[words.index("when") + 1]
            yes = "1" if rule.column != "AllocatedTags" else "{}"
            if " not be null when " in rule.sentence:
                if "is not null" in rule.sentence:
                    base = UNUSED if "Commitment" in partner else {}
                    yield rule.id, Violation(({**base, partner: "1", str(rule.column): None},))
            else:
                yield rule.id, Violation(({partner: None, str(rule.column): yes},))


def _of_rows(version: str) -> Iterator[tuple[str, Violation]]:
    for base, rows in _ROWS.items():
        yield spec_id(base, version), Violation(rows)


_DETAILS = "SkuPriceDetails"
_ROWS: Mapping[str, tuple[Cells, ...]] = {
    "BillingCurrency-C-003-M": ({"BillingCurrency": "eur"},),
    "BillingCurrency-C-006-M": ({"BillingCurrency": "XXX"},),
    "PricingCurrency-C-003-M": ({"PricingCurrency": "eur"},),
    "NullHandling-A-002-M": ({"RegionId": "N/A"},),
    "StringHandling-A-007-M": ({"ServiceName": "  "},),
    "ChargeDescription-C-003-O": ({"ChargeDescription": None},),
    "BillingAccountName-C-003-C": ({"BillingAccountName": None},),
    "ResourceName-C-006-C": ({"ResourceName": "vm-1"},),
    "ChargeFrequency-C-004-C": ({**PURCHASE, "ChargeFrequency": "Usage-Based"},),
    "ServiceSubcategory-C-004-M": ({"ServiceSubcategory": "Block Storage"},),
    "SkuPriceDetails-C-002-O": ({_DETAILS: '{"x_family": "m"}'},),
    "SkuPriceDetails-C-017-C": ({_DETAILS: '{"Family": "m"}'},),
    "SkuPriceDetails-C-021-M": ({_DETAILS: '{"CoreCount": "2"}'},),
    "BillingPeriodEnd-C-004-M": ({"BillingPeriodEnd": "2024-09-30T00:00:00Z"},),
    "ChargePeriodEnd-C-004-M": ({"ChargePeriodEnd": "2024-09-01T23:59:59Z"},),
    "ListCost-C-009-C": ({"ListCost": "99.00"},),
    "ContractedCost-C-009-C": ({"ContractedCost": "99.00"},),
    "ListCost-C-008-C": ({**CREDIT, "ListCost": "-2.00"},),
    "ContractedCost-C-008-C": ({**CREDIT, "ContractedCost": "-2.00"},),
    "EffectiveCost-C-010-C": ({**CREDIT, "EffectiveCost": "-2.00"},),
    "EffectiveCost-C-005-C": ({**PURCHASE, **PLAN, "ResourceId": "plan-1"},),
    "PricingCurrencyEffectiveCost-C-005-M": ({**PURCHASE, **PLAN, "ResourceId": "plan-1"},),
    "DiscountHandling-A-009-C": ({**UNUSED, "BilledCost": "1.50"},),
    "DiscountHandling-A-012-C": ({**PURCHASE, **PLAN, "EffectiveCost": "0"},),
    "DiscountHandling-A-016-C": ({**USED, "ResourceId": "plan-1"},),
    "DiscountHandling-A-018-C": ({**UNUSED, **PURCHASE},),
    "DiscountHandling-A-019-C": ({**UNUSED, "ResourceId": "vm-1"},),
    "PricingCategory-C-009-C": ({**USED, "PricingCategory": "Standard"},),
    "ConsumedQuantity-C-004-C": ({**PURCHASE, "ConsumedQuantity": "3"},),
    "ConsumedQuantity-C-006-C": ({"ConsumedQuantity": None, "ConsumedUnit": None},),
    "CommitmentDiscountStatus-C-004-C": ({**USED, "CommitmentDiscountStatus": None},),
    "CommitmentDiscountQuantity-C-005-C": ({**USED, "CommitmentDiscountQuantity": None},),
    "CommitmentDiscountQuantity-C-007-C": ({"CommitmentDiscountQuantity": "3"},),
    "CapacityReservationId-C-005-C": ({"CapacityReservationStatus": "Unused"},),
    "CapacityReservationStatus-C-004-C": ({"CapacityReservationId": "r-1"},),
    "HostProviderName-C-006-M": ({"HostProviderName": None},),
    "BillingAccountType-C-004-C": ({"BillingAccountId": None},),
    "ServiceName-C-005-C": ({}, {"ServiceCategory": "Storage"}),
    "ServiceName-C-008-C": ({}, {"ServiceSubcategory": "Containers"}),
    "SkuPriceId-C-008-M": ({}, {"SkuId": "other"}),
    "SkuPriceDetails-C-013-O": ({}, {_DETAILS: '{"CoreCount": 4}'}),
    "SkuMeter-C-006-O": ({}, {"SkuMeter": "Storage"}),
    "CommitmentDiscountUnit-C-008-M": (USED, {**USED, "CommitmentDiscountUnit": "Hours"}),
}


def _of_own(version: str) -> Iterator[tuple[str, Violation]]:
    for name, violation in _OWN.items():
        yield OWN_PREFIX + name, violation
    for column in columns_of(version):
        if shape_of(column, version):
            yield f"{OWN_PREFIX}{column}-Shape", Violation(({column: '{"Elements": [{"a": 1}]}'},))


_OCTOBER: Cells = {
    "BillingPeriodStart": "2024-10-01T00:00:00Z",
    "BillingPeriodEnd": "2024-11-01T00:00:00Z",
}
_OWN: Mapping[str, Violation] = {
    "AmountUnreadable": Violation(({"BilledCost": "1,50"},)),
    "InstantUnreadable": Violation(({"ChargePeriodEnd": "9/1/24"},)),
    "NulCharacter": Violation(({"ServiceName": "a\0b"},)),
    "OutsidePeriod": Violation((_OCTOBER,), declared=("2024-09",)),
    "BillingPeriod-Order": Violation(({"BillingPeriodStart": "2024-11-01T00:00:00Z"},)),
    "ChargePeriod-Order": Violation(({"ChargePeriodStart": "2024-09-03T00:00:00Z"},)),
    "ChargePeriod-OutsideBillingPeriod": Violation(({"ChargePeriodEnd": "2024-10-02T00:00:00Z"},)),
    "AvailabilityZone-Amount": Violation(({"AvailabilityZone": "0.60"},)),
    "BilledCost-Covered": Violation(({**USED, "BilledCost": "1.50"},)),
    "CommitmentDiscountQuantity-Positive": Violation(
        ({**USED, "CommitmentDiscountQuantity": "0"},)
    ),
    "CommitmentDiscountStatus-OffUsage": Violation(({**USED, **PURCHASE},)),
    "CommitmentDiscountUnit-Spend": Violation(({**USED, "CommitmentDiscountUnit": "Hours"},)),
    "ConsumedUnit-NullOffUsage": Violation(({**PURCHASE, "ConsumedUnit": "Hours"},)),
    "ConsumedUnit-NotNullOnUsage": Violation(({"ConsumedUnit": None},)),
    "PricingCategory-Uncommitted": Violation(({"PricingCategory": "Committed"},)),
    "PricingCategory-Purchase": Violation(({**PURCHASE, **PLAN, "PricingCategory": "Committed"},)),
    "BillingPeriod-OneEnd": Violation(({}, {"BillingPeriodEnd": "2024-10-02T00:00:00Z"})),
}


def charges_of(
    violation: Violation, version: str, a_charge: Callable[..., dict[str, Any]]
) -> list[dict[str, Any]]:
    """The charges, of the columns that the version and the violation name."""
    known = columns_of(version)
    charges = []
    for row in violation.rows:
        cells = {name: cell for name, cell in row.items() if name in known}
        more = dict.fromkeys(violation.more, "1")
        charge = a_charge(version, **cells)
        charge = {**more, **charge} if violation.first else {**charge, **more}
        charges.append({name: cell for name, cell in charge.items() if name != violation.without})
    return charges


ALL = [(version, rule.id) for version in VERSIONS for rule in rules_of(version)]
