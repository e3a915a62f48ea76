"""Tests of the nullability table, version by version."""

import pytest

_TAX = {
    "ChargeCategory": "Tax",
    "ConsumedQuantity": None,
    "ConsumedUnit": None,
    "ContractedUnitPrice": None,
    "ListUnitPrice": None,
    "PricingCategory": None,
    "PricingCurrencyContractedUnitPrice": None,
    "PricingCurrencyListUnitPrice": None,
    "PricingQuantity": None,
    "PricingUnit": None,
    "SkuId": None,
    "SkuMeter": None,
    "SkuPriceDetails": None,
    "SkuPriceId": None,
}
_DISCOUNT = {
    "BilledCost": "0",
    "CommitmentDiscountId": "plan-1",
    "CommitmentDiscountName": "Plan",
    "CommitmentDiscountType": "Savings plan",
    "CommitmentDiscountCategory": "Spend",
    "CommitmentDiscountStatus": "Used",
    "CommitmentDiscountQuantity": "3",
    "CommitmentDiscountUnit": "EUR",
    "PricingCategory": "Committed",
}
_UNUSED = _DISCOUNT | {
    "CommitmentDiscountStatus": "Unused",
    "ResourceId": "plan-1",
    "ConsumedQuantity": None,
    "ConsumedUnit": None,
}


def _of(version, cells, charge):
    return {name: cell for name, cell in cells.items() if name in charge(version)}


@pytest.mark.parametrize("version", ["1.0", "1.1", "1.2", "1.3", "1.4"])
@pytest.mark.parametrize("cells", [_TAX, _DISCOUNT, _UNUSED], ids=["tax", "used", "unused"])
def test_what_the_table_allows_is_no_finding(version, cells, a_charge, check):
    allowed = _of(version, cells, a_charge)
    if version == "1.0" and cells is _UNUSED:
        allowed |= {"ConsumedQuantity": "3", "ConsumedUnit": "Hours"}
    _, findings = check(a_charge(version, **allowed), version=version)
    assert not findings


@pytest.mark.parametrize(
    ("version", "cells", "rule"),
    [
        ("1.0", {"BilledCost": None}, "BilledCost-C-003-M"),
        ("1.4", {"BilledCost": None}, "CAU-BilledCost-C-003-M"),
        ("1.2", {"BillingAccountType": None}, "BillingAccountType-C-005-C"),
        ("1.4", {"PricingCurrency": None}, "CAU-PricingCurrency-C-004-M"),
        ("1.3", {"ServiceProviderName": None}, "CAU-ServiceProviderName-C-003-M"),
        ("1.0", _TAX | {"PricingUnit": "Hours"}, "CW-PricingUnit-NullOnTax"),
        ("1.0", {"PricingUnit": None}, "CW-PricingUnit-NotNullOnUsage"),
        ("1.2", _TAX | {"SkuId": "s", "SkuMeter": "m"}, "SkuId-C-004-C"),
        ("1.0", {"SkuPriceId": None}, "SkuPriceId-C-005-C"),
        ("1.0", {"ContractedUnitPrice": None}, "ContractedUnitPrice-C-006-C"),
        ("1.0", {"PricingCategory": None}, "PricingCategory-C-004-C"),
        ("1.2", {"PricingUnit": None}, "PricingUnit-C-006-C"),
        ("1.0", _TAX | {"ConsumedQuantity": "1"}, "ConsumedQuantity-C-004-C"),
        ("1.0", {"ConsumedQuantity": None}, "ConsumedQuantity-C-006-C"),
        ("1.1", _UNUSED | {"ConsumedQuantity": "3"}, "ConsumedQuantity-C-004-C"),
        ("1.1", {"ConsumedUnit": None}, "CW-ConsumedUnit-NotNullOnUsage"),
        ("1.2", {"ConsumedUnit": None}, "ConsumedUnit-C-006-C"),
        ("1.0", {"CommitmentDiscountType": "x"}, "CommitmentDiscountType-C-004-C"),
        ("1.0", _DISCOUNT | {"CommitmentDiscountType": None}, "CommitmentDiscountType-C-005-C"),
        ("1.0", {"CommitmentDiscountStatus": "Unused", "BilledCost": "0"},
         "CommitmentDiscountStatus-C-003-C"),
        ("1.0", _DISCOUNT | {"CommitmentDiscountStatus": None}, "CommitmentDiscountStatus-C-004-C"),
        ("1.1", {"CommitmentDiscountQuantity": "1", "CommitmentDiscountUnit": "u"},
         "CommitmentDiscountQuantity-C-007-C"),
        ("1.1", _DISCOUNT | {"CommitmentDiscountQuantity": None, "CommitmentDiscountUnit": None},
         "CommitmentDiscountQuantity-C-005-C"),
        ("1.1", _DISCOUNT | {"CommitmentDiscountUnit": None}, "CommitmentDiscountUnit-C-006-C"),
        ("1.2", {"CapacityReservationId": "r"}, "CapacityReservationStatus-C-004-C"),
        ("1.0", {"ResourceId": None, "ResourceName": None}, "ResourceType-C-004-C"),
        ("1.0", {"ResourceType": None}, "ResourceType-C-005-C"),
        ("1.0", {"SubAccountName": None}, "SubAccountName-C-005-C"),
        ("1.2", {"RegionName": None}, "RegionName-C-005-C"),
        ("1.2", {"RegionId": None}, "RegionName-C-004-C"),
        ("1.2", {"SkuPriceDetails": "{}", "SkuPriceId": None, "ChargeClass": "Correction"},
         "SkuPriceDetails-C-004-C"),
        ("1.3", {"AllocatedTags": "{}"}, "CAU-AllocatedTags-C-003-C"),
    ],
)  # fmt: skip
def test_what_the_table_forbids_is_found(version, cells, rule, a_charge, check):
    _, findings = check(a_charge(version, **_of(version, cells, a_charge)), version=version)
    assert list(findings) == [rule]
    assert findings[rule].grade.value == "violation"


def test_an_unused_reservation_must_be_named(a_charge, check):
    _, findings = check(a_charge(CapacityReservationStatus="Unused"))
    assert "CapacityReservationId-C-005-C" in findings


def test_1_3_ties_prices_to_the_sku_price(a_charge, check):
    correction = {"ChargeClass": "Correction", "SkuPriceDetails": None}
    _, findings = check(a_charge("1.3", SkuPriceId=None, **correction), version="1.3")
    assert set(findings) == {
        "CAU-ConsumedQuantity-C-009-C",
        "CAU-ContractedUnitPrice-C-014-C",
        "CAU-ListUnitPrice-C-012-C",
        "CAU-PricingCategory-C-012-C",
        "CAU-PricingCurrencyContractedUnitPrice-C-011-C",
        "CAU-PricingCurrencyListUnitPrice-C-011-C",
        "CAU-PricingQuantity-C-011-C",
    }


@pytest.mark.parametrize("version", ["1.0", "1.2"])
def test_a_correction_need_not_tell_prices_and_quantities(version, a_charge, check):
    cells = _of(version, _TAX, a_charge) | {"ChargeCategory": "Usage", "ChargeClass": "Correction"}
    _, findings = check(a_charge(version, **cells), version=version)
    assert not findings


@pytest.mark.parametrize(
    ("version", "cells", "rule"),
    [
        ("1.0", _DISCOUNT | {"CommitmentDiscountName": None}, "CommitmentDiscountName-C-006-C"),
        ("1.0", {"RegionId": None}, "RegionName-C-004-C"),
        ("1.1", {"RegionName": None}, "RegionName-C-005-C"),
        ("1.2", {"SkuMeter": None}, "SkuMeter-C-005-C"),
        ("1.3", {"HostProviderName": None}, "CAU-HostProviderName-C-006-M"),
    ],
)
def test_what_one_row_cannot_tell_is_advice(version, cells, rule, a_charge, check):
    _, findings = check(a_charge(version, **_of(version, cells, a_charge)), version=version)
    assert {found: finding.grade.value for found, finding in findings.items()} == {rule: "advice"}


def test_a_rule_over_an_absent_column_is_skipped(a_charge, check):
    charge = a_charge("1.0", PricingCategory=None, SkuPriceId=None)
    del charge["ChargeClass"]
    _, findings = check(charge, version="1.0")
    assert list(findings) == ["CostAndUsage-D-026-M"]


def test_a_report_without_commitments_is_still_checked_for_consumption(a_charge, check):
    charge = a_charge(ConsumedQuantity=None, ConsumedUnit=None)
    charge = {name: cell for name, cell in charge.items() if "Commitment" not in name}
    _, findings = check(charge)
    assert list(findings) == ["ConsumedQuantity-C-006-C"]
