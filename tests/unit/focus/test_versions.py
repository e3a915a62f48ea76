"""Tests of finding the version of a report by its columns."""

import pytest

from costwire_focus.columns import VERSIONS, columns_of
from costwire_focus.versions import NameKind, classify, detect


@pytest.mark.parametrize("version", VERSIONS)
def test_a_whole_report_is_of_its_version(version):
    assert detect([*columns_of(version), "x_Own", "Id"]) == version


@pytest.mark.parametrize(
    ("names", "version"),
    [
        (["BilledCost", "ChargePeriodStart"], "1.0"),
        (["BilledCost", "BillingPeriodStart", "SkuMeter"], "1.1"),
        (["BilledCost", "BillingPeriodStart", "InvoiceId"], "1.2"),
        (["BilledCost", "ContractApplied", "ProviderName"], "1.3"),
        (["BilledCost", "ContractApplied", "ServiceProviderName"], "1.4"),
        (["BilledCost", "InvoiceDetailId"], "1.4"),
        ([], "1.0"),
        (["billedcost", "x_InvoiceId"], "1.0"),
    ],
)
def test_a_trimmed_report_is_of_the_oldest_version_that_has_it_all(names, version):
    assert detect(names) == version


def test_the_order_of_columns_does_not_matter():
    assert detect(sorted(columns_of("1.2"), reverse=True)) == "1.2"


@pytest.mark.parametrize(
    ("name", "version", "kind", "hint"),
    [
        ("BilledCost", "1.0", NameKind.FOCUS, None),
        ("SkuMeter", "1.0", NameKind.OTHER_VERSION, "1.1"),
        ("ProviderName", "1.4", NameKind.OTHER_VERSION, "1.3"),
        ("UsageQuantity", "1.0", NameKind.DRAFT, "ConsumedQuantity"),
        ("BILLEDCOST", "1.0", NameKind.OTHER_CASE, "BilledCost"),
        ("x_BilledCost", "1.0", NameKind.CUSTOM, None),
        ("X_Note", "1.0", NameKind.UNKNOWN, None),
        ("", "1.0", NameKind.UNKNOWN, None),
    ],
)
def test_a_name_is_told_by_what_it_is(name, version, kind, hint):
    found = classify(name, version)
    assert (found.kind, found.hint) == (kind, hint)
