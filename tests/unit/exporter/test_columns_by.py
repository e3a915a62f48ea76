"""Which columns `?by=` names."""

from typing import Any

import pytest

from costwire_exporter.aggregate import columns_by
from costwire_exporter.errors import UnknownColumn

MANIFEST: dict[str, Any] = {
    "columns": [
        {"name": "ServiceName", "label": "ServiceName"},
        {"name": "RegionId", "label": "RegionId"},
        {"name": "cost, center", "label": "U__cost_2c__20_center"},
    ]
}


def test_currency_is_always_among_them() -> None:
    assert columns_by("ServiceName", MANIFEST) == ("BillingCurrency", "ServiceName")
    assert columns_by("", MANIFEST) == ("BillingCurrency",)


def test_order_blanks_and_repeats_do_not_matter() -> None:
    assert columns_by("RegionId, ServiceName,RegionId", MANIFEST) == columns_by(
        "ServiceName,RegionId", MANIFEST
    )


def test_column_that_is_no_label_name_is_named_by_its_label() -> None:
    assert "cost, center" in columns_by("U__cost_2c__20_center", MANIFEST)


def test_unknown_column_is_answered_with_the_nearest_one() -> None:
    with pytest.raises(UnknownColumn, match="did you mean ServiceName"):
        columns_by("servicename", MANIFEST)
    with pytest.raises(UnknownColumn, match="it has RegionId, ServiceName"):
        columns_by("x", MANIFEST)
