"""Tests of the money that stands in charges with findings."""

from decimal import Decimal

from costwire_focus.rules import Validator

_RULE = "ServiceName-C-003-M"


def _touched(a_batch, *charges, **options):
    validator = Validator(list(charges[0]), "1.2", costs=True, **options)
    for charge in charges:
        validator.check(a_batch([charge]))
    return validator.touched


def test_money_is_exact_by_currency_and_counted_once_for_all_rules(a_charge, a_batch):
    broken = {"ServiceName": None, "PublisherName": None}
    touched = _touched(
        a_batch,
        a_charge(BilledCost="0.1", **broken),
        a_charge(BilledCost="0.2", **broken),
        a_charge(BilledCost="5"),
        a_charge(BilledCost="7", BillingCurrency="USD", ServiceName=None),
    )
    assert touched.whole == {"EUR": Decimal("5.3"), "USD": Decimal(7)}
    assert touched.by(_RULE) == {"EUR": Decimal("0.3"), "USD": Decimal(7)}
    assert touched.by("PublisherName-C-003-M") == {"EUR": Decimal("0.3")}
    assert touched.by_any == {"EUR": Decimal("0.3"), "USD": Decimal(7)}
    assert touched.by("ListCost-C-003-M") == {}


def test_unusable_rows_and_null_costs_add_nothing(a_charge, a_batch):
    touched = _touched(a_batch, a_charge(BilledCost="x"), a_charge(BilledCost=None))
    assert touched.whole == {"EUR": Decimal(0)}
    assert touched.by("BilledCost-C-003-M") == {"EUR": Decimal(0)}


def test_a_currency_that_was_told_stands_for_an_absent_one(a_charge, a_batch):
    charge = a_charge(ServiceName=None)
    del charge["BillingCurrency"]
    assert _touched(a_batch, charge, currency="CHF").by(_RULE) == {"CHF": Decimal("1.5")}
    assert _touched(a_batch, charge).whole == {"XXX": Decimal("1.5")}
