"""Tests of what the header alone tells."""

import pytest

from costwire_focus.columns import VERSIONS, columns_of
from costwire_focus.rules import Validator
from costwire_focus.rules.ids import PRESENCE


def _findings(names, version="1.2", **options):
    return Validator(names, version, file="part.csv", **options).findings


def test_a_missing_mandatory_column_is_one_finding_at_the_header():
    names = [name for name in columns_of("1.2") if name != "ChargeClass"]
    finding = _findings(names)["CostAndUsage-D-026-M"]
    assert (finding.count, finding.lines) == (1, [("part.csv", 1)])
    assert (finding.column, finding.message) == ("ChargeClass", "there is no column ChargeClass")


def test_every_mandatory_column_has_the_id_of_its_presence_rule():
    for version in VERSIONS:
        for column in columns_of(version).values():
            if column.level == "Mandatory":
                assert column.id in PRESENCE


def test_a_missing_conditional_column_is_no_finding():
    assert not _findings([name for name in columns_of("1.2") if name != "Tags"])


@pytest.mark.parametrize(
    ("name", "rule", "said"),
    [
        ("Id", "ColumnHandling-A-010-M", "does not begin with x_"),
        ("oci_CompartmentId", "ColumnHandling-A-010-M", "oci_CompartmentId"),
        ("ServiceNames", "ColumnHandling-A-010-M", "is ServiceName meant?"),
        ("billedcost", "CW-ColumnCase", "is not BilledCost"),
        ("AmortizedCost", "CW-ColumnDraftName", "EffectiveCost"),
        ("ServiceProviderName", "CW-ColumnOtherVersion", "FOCUS 1.3"),
    ],
)
def test_a_misnamed_column_is_told_with_what_is_meant(name, rule, said):
    findings = _findings([*columns_of("1.2"), "x_Fine", name])
    assert list(findings) == [rule]
    assert said in findings[rule].message
    assert findings[rule].count == 1


def test_many_misnamed_columns_are_counted_and_some_named():
    finding = _findings([*columns_of("1.2"), *(f"extra{n}" for n in range(30))])
    message = finding["ColumnHandling-A-010-M"].message
    assert finding["ColumnHandling-A-010-M"].count == 30
    assert "extra9" in message
    assert message.endswith("and 20 more")


def test_a_part_with_another_header_adds_what_is_new(a_charge, a_batch):
    validator = Validator(["BilledCost", "Id"], "1.0", file="a.csv")
    validator.check(a_batch([{"BilledCost": "1", "Id": "7", "Nr": "8"}], "b.csv"))
    finding = validator.findings["ColumnHandling-A-010-M"]
    assert (finding.count, finding.lines) == (2, [("a.csv", 1)])


def test_an_assumed_currency_settles_an_absent_one(a_charge, check):
    charge = a_charge(BillingCurrency=None)
    assert list(check(charge)[1]) == ["BillingCurrency-C-004-M"]
    assert not check(charge, currency="EUR")[1]
    del charge["BillingCurrency"]
    assert list(check(charge)[1]) == ["CostAndUsage-D-035-M"]
    assert not check(charge, currency="EUR")[1]
