"""Tests of closed lists, written forms, signs, pairs of values and periods."""

import pytest


@pytest.mark.parametrize(
    ("version", "cells", "rule"),
    [
        ("1.0", {"ChargeFrequency": "Usage-based"}, "ChargeFrequency-C-003-M"),
        ("1.0", {"ChargeClass": "correction"}, "ChargeClass-C-005-C"),
        ("1.0", {"ServiceCategory": "Database"}, "ServiceCategory-C-003-M"),
        ("1.3", {"PricingCategory": "On-Demand"}, "CAU-PricingCategory-C-007-M"),
        ("1.2", {"ServiceSubcategory": "Machines"}, "ServiceSubcategory-C-003-M"),
        ("1.2", {"ServiceSubcategory": "Block Storage"}, "ServiceSubcategory-C-004-M"),
        ("1.0", {"ListUnitPrice": "-0.6", "ListCost": "-1.8"}, "ListUnitPrice-C-008-M"),
        ("1.3", {"ContractedUnitPrice": "-0.5", "ContractedCost": "-1.5"},
         "CAU-ContractedUnitPrice-C-009-M"),
        ("1.0", {"BillingCurrency": "XXX"}, "BillingCurrency-C-006-M"),
        ("1.2", {"PricingCurrency": "eur"}, "PricingCurrency-C-003-M"),
        ("1.0", {"BilledCost": "+1.50"}, "BilledCost-C-002-M"),
        ("1.0", {"BilledCost": "1.5E+3"}, "BilledCost-C-002-M"),
        ("1.0", {"BilledCost": "1.5e-3"}, "BilledCost-C-002-M"),
        ("1.0", {"ChargePeriodStart": "2024-09-01 00:00:00"}, "ChargePeriodStart-C-002-M"),
        ("1.0", {"ChargePeriodStart": "2024-09-01T00:00:00.000Z"}, "ChargePeriodStart-C-002-M"),
        ("1.0", {"ChargePeriodStart": "2024-09-01T00:00Z"}, "ChargePeriodStart-C-002-M"),
        ("1.0", {"ChargePeriodStart": "2024-09-02T00:00:00Z"}, "CW-ChargePeriod-Order"),
        ("1.0", {"BillingPeriodStart": "2024-11-01T00:00:00Z", "ChargePeriodStart": None,
                 "ChargePeriodEnd": None}, "CW-BillingPeriod-Order"),
    ],
)  # fmt: skip
def test_a_wrong_value_is_found(version, cells, rule, a_charge, check):
    _, findings = check(a_charge(version, **cells), version=version)
    assert findings[rule].grade.value == "violation"
    allowed = (
        {"ChargePeriodStart-C-003-M", "ChargePeriodEnd-C-003-M"}
        if None in cells.values()
        else set()
    )
    assert set(findings) - allowed == {rule}


@pytest.mark.parametrize("amount", ["0", "-1.5", "1.5E-7", "35.2E7", "15E-1", ".5", "5."])
def test_numbers_as_focus_writes_them_are_no_finding(amount, a_charge, check):
    _, findings = check(a_charge(BilledCost=amount))
    assert not findings


def test_a_purchase_is_not_usage_based(a_charge, check):
    cells = {"ChargeCategory": "Purchase", "ConsumedQuantity": None, "ConsumedUnit": None}
    _, findings = check(a_charge(**cells))
    assert list(findings) == ["ChargeFrequency-C-004-C"]


def test_covered_usage_is_priced_as_committed(a_charge, check):
    cells = {
        "CommitmentDiscountId": "plan",
        "CommitmentDiscountName": "Plan",
        "CommitmentDiscountType": "Savings plan",
        "CommitmentDiscountCategory": "Spend",
        "CommitmentDiscountStatus": "Used",
        "BilledCost": "0",
    }
    _, findings = check(a_charge("1.0", **cells), version="1.0")
    assert list(findings) == ["PricingCategory-C-009-C"]


@pytest.mark.parametrize("quantity", ["0", "-1"])
def test_1_1_wants_commitment_quantities_above_zero(quantity, a_charge, check):
    _, findings = check(a_charge("1.1", CommitmentDiscountQuantity=quantity), version="1.1")
    assert "CW-CommitmentDiscountQuantity-Positive" in findings


@pytest.mark.parametrize(
    ("cells", "rule"),
    [
        ({"PricingCategory": "Committed"}, "CW-PricingCategory-Uncommitted"),
        ({"AvailabilityZone": "0.02"}, "CW-AvailabilityZone-Amount"),
        ({"AvailabilityZone": "0.60"}, "CW-AvailabilityZone-Amount"),
        ({"ChargePeriodEnd": "2024-10-02T00:00:00Z"}, "CW-ChargePeriod-OutsideBillingPeriod"),
        ({"ChargePeriodStart": "2024-08-31T00:00:00Z"}, "CW-ChargePeriod-OutsideBillingPeriod"),
    ],
)
def test_what_may_be_right_is_advice(cells, rule, a_charge, check):
    _, findings = check(a_charge(**cells))
    assert {found: finding.grade.value for found, finding in findings.items()} == {rule: "advice"}


def test_a_zone_may_be_a_digit(a_charge, check):
    _, findings = check(a_charge(AvailabilityZone="1"))
    assert not findings


def test_what_is_cut_off_an_instant_is_told(a_charge, check):
    _, findings = check(a_charge(ChargePeriodStart="2024-09-01T00:00:00.0000001Z"))
    assert findings["CW-ChargePeriodStart-Finer"].count == 1


def test_periods_are_compared_as_instants_not_as_text(a_charge, check):
    cells = {
        "ChargePeriodStart": "2024-09-01T02:00:00+02:00",
        "ChargePeriodEnd": "2024-09-01T01:00:00Z",
    }
    _, findings = check(a_charge(**cells))
    assert list(findings) == ["ChargePeriodStart-C-002-M"]


def test_a_provider_may_bill_under_another_name(a_charge, check):
    _, findings = check(a_charge(ProviderName="AWS", InvoiceIssuerName="Amazon Web Services, Inc."))
    assert not findings


def test_an_adjustment_consumes_nothing(a_charge, check):
    _, findings = check(a_charge("1.0", ChargeCategory="Adjustment"), version="1.0")
    assert set(findings) == {"ConsumedQuantity-C-004-C", "CW-ConsumedUnit-NullOffUsage"}


@pytest.mark.parametrize("code", ["eur", "EURO", " EUR"])
def test_a_currency_that_is_no_code_is_no_nations_either(code, a_charge, check):
    _, findings = check(a_charge(BillingCurrency=code))
    assert set(findings) == {"BillingCurrency-C-003-M", "BillingCurrency-C-006-M"}


def test_a_virtual_currency_may_be_priced_in(a_charge, check):
    _, findings = check(a_charge(PricingCurrency="Snow Credits"))
    assert not findings
