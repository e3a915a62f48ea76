import json
from datetime import UTC, datetime, timedelta, timezone

import pytest
from pydantic import ValidationError

from costwire_focus.manifest import (
    BillingPeriod,
    ColumnLabel,
    CostSum,
    Exposition,
    FindingCount,
    FindingLine,
    Manifest,
    ManifestTimes,
    RowCounts,
    Scope,
    SecondCount,
    month_of,
)

READ = datetime(2024, 12, 11, 10, 0, 0, 250_000, tzinfo=UTC)


def a_day(year, month, day):
    """Midnight in UTC without saying so, as the instants of charges are."""
    return datetime(year, month, day, tzinfo=UTC).replace(tzinfo=None)


def a_manifest(**changes):
    values = {
        "id": "0" * 64,
        "table": "charges",
        "source": "reports/2024-09.csv",
        "generation": READ,
        "focus_version": "1.0",
        "columns": [
            ColumnLabel(name="BilledCost", label="BilledCost"),
            ColumnLabel(name="a.b", label="U__a_2e_b"),
        ],
        "scope": Scope(
            billing_periods=[BillingPeriod(start=datetime(2024, 9, 1, tzinfo=UTC), end=None)]
        ),
        "rows": RowCounts(read=3, published=2, quarantined=1),
        "sums": {
            "USD": {
                "BilledCost": CostSum(read="1.5", published="1.5", quarantined="0"),
                "ListCost": None,
            }
        },
        "recount": SecondCount(reader="polars", records=3, billed_cost="1.5"),
        "findings": {
            "CW-FieldCount": FindingCount(
                count=1, message="cells", lines=[FindingLine(file="a.csv", line=2)]
            )
        },
        "exposition": Exposition(samples=2, bytes=100, sha256="f" * 64, renderer=1),
        "times": ManifestTimes(read=READ),
    }
    return Manifest(**values | changes)


def test_json_is_camel_case_with_instants_in_utc():
    said = json.loads(a_manifest().to_json())
    assert said == {
        "format": 1,
        "id": "0" * 64,
        "table": "charges",
        "source": "reports/2024-09.csv",
        "mode": "replace",
        "generation": "2024-12-11T10:00:00.250Z",
        "focusVersion": "1.0",
        "columns": [
            {"name": "BilledCost", "label": "BilledCost"},
            {"name": "a.b", "label": "U__a_2e_b"},
        ],
        "scope": {
            "declared": None,
            "billingPeriods": [{"start": "2024-09-01T00:00:00Z", "end": None}],
        },
        "rows": {"read": 3, "published": 2, "quarantined": 1},
        "sums": {
            "USD": {
                "BilledCost": {"read": "1.5", "published": "1.5", "quarantined": "0"},
                "ListCost": None,
            }
        },
        "recount": {"reader": "polars", "records": 3, "billedCost": "1.5"},
        "findings": {
            "CW-FieldCount": {
                "count": 1,
                "message": "cells",
                "lines": [{"file": "a.csv", "line": 2}],
            }
        },
        "mapped": [],
        "currency": None,
        "dates": None,
        "exposition": {"samples": 2, "bytes": 100, "sha256": "f" * 64, "renderer": 1},
        "changes": None,
        "times": {"read": "2024-12-11T10:00:00.250Z"},
    }


def test_json_and_back_is_the_same_manifest():
    manifest = a_manifest(
        scope=Scope(declared=["2024-09", "2024-10"]), mode="append", recount=None, findings={}
    )
    assert Manifest.model_validate_json(manifest.to_json()) == manifest


def test_an_instant_with_an_offset_is_written_in_utc():
    at_five = datetime(2024, 9, 1, 5, tzinfo=timezone(timedelta(hours=5)))
    assert json.loads(a_manifest(generation=at_five).to_json())["generation"] == (
        "2024-09-01T00:00:00Z"
    )


def test_fields_of_later_versions_are_left_aside():
    said = json.loads(a_manifest().to_json()) | {"somethingNew": 1}
    assert Manifest.model_validate(said) == a_manifest()


def test_labels_lead_back_to_columns():
    assert a_manifest().label_columns() == {"BilledCost": "BilledCost", "U__a_2e_b": "a.b"}


@pytest.mark.parametrize("table", ["charges", "c", "charges_2024", "a" * 63])
def test_a_table_name_may_be(table):
    assert a_manifest(table=table).table == table


@pytest.mark.parametrize(
    "table", ["", "Costs", "1costs", "_costs", "co-sts", "costs;", "a" * 64, "costs\n", "kösten"]
)
def test_a_table_name_may_not_be(table):
    with pytest.raises(ValidationError, match="use lower-case letters, digits and _"):
        a_manifest(table=table)


@pytest.mark.parametrize(
    "month", ["2024-00", "2024-13", "2024-9", "24-09", "2024-09-01", "2024-09\n"]
)
def test_a_declared_period_is_a_month(month):
    with pytest.raises(ValidationError, match="write it as YYYY-MM"):
        Scope(declared=[month])


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"id": "0" * 63}, id="short id"),
        pytest.param({"id": "G" * 64}, id="id not hexadecimal"),
        pytest.param({"source": ""}, id="no source"),
        pytest.param({"source": "x" * 2001}, id="endless source"),
        pytest.param({"mode": "merge"}, id="unknown mode"),
        pytest.param({"generation": READ.replace(tzinfo=None)}, id="generation without zone"),
        pytest.param({"rows": {"read": -1, "published": 0, "quarantined": 0}}, id="negative count"),
    ],
)
def test_what_makes_no_sense_is_refused(changes):
    with pytest.raises(ValidationError):
        a_manifest(**changes)


def test_a_manifest_does_not_change():
    with pytest.raises(ValidationError):
        a_manifest().table = "other"


def test_the_month_of_a_period_is_that_of_its_middle_whatever_its_zone():
    september = a_day(2024, 9, 1), a_day(2024, 10, 1)
    for hours in (-14, -5, 0, 9, 14):
        start, end = (side + timedelta(hours=hours) for side in september)
        assert month_of(start, end) == "2024-09"


@pytest.mark.parametrize("end", [None, a_day(2024, 9, 1), a_day(2024, 8, 1)])
def test_a_period_without_a_later_end_is_the_month_of_its_start(end):
    assert month_of(a_day(2024, 9, 1), end) == "2024-09"
