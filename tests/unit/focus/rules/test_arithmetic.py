"""Tests of products, equal costs and zeros."""

import pytest


@pytest.mark.parametrize(
    ("cost", "price", "quantity"),
    [
        ("1.8", "0.6", "3"),
        ("1.80", "0.60", "3.000"),
        ("0.33", "0.111", "3"),  # the cost is rounded to cents
        ("1.00", "3", "0.33"),  # the quantity is rounded
        ("0.000000008", "0", "3"),  # within 1e-8
        ("6.123E-7", "6.123E-7", "1"),
        ("0", "0.60", "0"),
        ("100000000000.01", "100000000000.01", "1"),
        ("0.0000018000", "6E-7", "3.00000"),
        ("1E3", "10", "99"),  # E notation shows one digit
    ],
)
def test_a_product_that_only_rounding_moves_is_no_finding(cost, price, quantity, a_charge, check):
    cells = {"ListCost": cost, "ListUnitPrice": price, "PricingQuantity": quantity}
    _, findings = check(a_charge(**cells, ContractedUnitPrice="1", ContractedCost=quantity))
    assert "ListCost-C-009-C" not in findings


@pytest.mark.parametrize(
    ("cost", "price", "quantity"),
    [
        ("1.81", "0.600", "3.000"),
        ("0.00000000000", "0.60000000000", "3.00000000000"),
        ("-1.80", "0.60", "3"),
        ("1800.00", "0.60", "3.000"),
    ],
)
def test_a_product_that_is_off_is_found(cost, price, quantity, a_charge, check):
    cells = {"ListCost": cost, "ListUnitPrice": price, "PricingQuantity": quantity}
    _, findings = check(a_charge(**cells))
    assert "ListCost-C-009-C" in findings


def test_products_of_corrections_are_waived(a_charge, check):
    _, findings = check(a_charge(ListCost="99.00", ContractedCost="1", ChargeClass="Correction"))
    assert not findings


@pytest.mark.parametrize(
    ("cost", "price", "rule"),
    [
        ("ListCost", "ListUnitPrice", "ListCost-C-008-C"),
        ("ContractedCost", "ContractedUnitPrice", "ContractedCost-C-008-C"),
        ("EffectiveCost", None, "EffectiveCost-C-010-C"),
    ],
)
def test_a_credit_costs_what_is_billed(cost, price, rule, a_charge, check):
    credit = {"ChargeCategory": "Credit", "ConsumedQuantity": None, "ConsumedUnit": None}
    credit |= {name: "-1.00" for name in ("BilledCost", "ListCost", "ContractedCost")}
    credit |= {"EffectiveCost": "-1", "ListUnitPrice": None, "ContractedUnitPrice": None}
    _, findings = check(a_charge(**credit))
    assert not findings
    _, findings = check(a_charge(**credit), a_charge(**credit | {cost: "-1.70"}))
    assert list(findings) == [rule]
    assert findings[rule].lines == [("part.csv", 3)]
    if price:
        _, findings = check(a_charge(**credit | {cost: "-1.70", price: "1"}))
        assert rule not in findings


_PURCHASE = {
    "ChargeCategory": "Purchase",
    "ChargeFrequency": "Recurring",
    "ConsumedQuantity": None,
    "ConsumedUnit": None,
}
_PLAN = {
    "CommitmentDiscountId": "plan",
    "CommitmentDiscountName": "Plan",
    "CommitmentDiscountType": "Savings plan",
    "CommitmentDiscountCategory": "Spend",
    "ResourceId": "plan",
}


def test_a_bought_commitment_has_no_effective_cost(a_charge, check):
    _, findings = check(a_charge("1.0", **_PURCHASE, **_PLAN, EffectiveCost="0.00"), version="1.0")
    assert not findings
    _, findings = check(a_charge("1.0", **_PURCHASE, **_PLAN), version="1.0")
    assert list(findings) == ["EffectiveCost-C-005-C"]


def test_any_other_purchase_keeps_its_cost(a_charge, check):
    _, findings = check(a_charge(**_PURCHASE))
    assert not findings


def test_the_unused_part_of_a_commitment_is_not_billed(a_charge, check):
    unused = _PLAN | {"CommitmentDiscountStatus": "Unused"}
    _, findings = check(a_charge("1.0", **unused), version="1.0")
    assert list(findings) == ["DiscountHandling-A-009-C"]


def test_amounts_that_overflow_a_double_warn_nobody(a_charge, check):
    checked, _ = check(a_charge(ListUnitPrice="1E400", PricingQuantity="0"))
    assert checked.unusable[0].column == "ListUnitPrice"
