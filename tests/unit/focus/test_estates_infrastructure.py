"""The machines, disks and clusters that bills charge for."""

from __future__ import annotations

import json
from collections import Counter

import pytest

from costwire_focus.estates import Estate, demo_estate, generate, infrastructure

_COLUMNS = ("ResourceId", "ResourceName", "SubAccountId", "RegionId", "AvailabilityZone", "Tags")


@pytest.mark.parametrize(
    "estate",
    [
        demo_estate(),
        Estate(seed=3, rows=20_000, months=("2024-01", "2024-02"), focus_version="1.3"),
        Estate(seed=4, rows=12_000, rows_per_file=2_500, currencies=(("aws", "EUR"),)),
    ],
    ids=["demo", "two months", "several files"],
)
def test_each_is_in_the_charges_as_it_is_told(estate: Estate) -> None:
    charged = set()
    for report in generate(estate):
        names = [name for name in _COLUMNS if name in report.charges.column_names]
        for row in report.charges.select(names).to_pylist():
            charged.add(tuple(row.get(name) for name in _COLUMNS[:5]))
    found = infrastructure(estate)
    assert len({one.resource_id for one in found}) == len(found)
    for one in found:
        told = one.resource_id, one.resource_name, one.account, one.region, one.zone
        assert told in charged, one


def test_the_demonstration_has_machines_disks_and_clusters_of_three_clouds() -> None:
    found = Counter((one.cloud, one.kind) for one in infrastructure(demo_estate()))
    assert {*found} == {
        (cloud, kind)
        for cloud in ("aws", "azure", "gcp")
        for kind in ("machine", "disk", "cluster")
    }
    assert min(found["aws", "machine"], found["azure", "machine"], found["gcp", "machine"]) > 10


def test_tags_are_those_of_the_charges() -> None:
    found = {one.resource_id: one for one in infrastructure(demo_estate())}
    checked = 0
    for report in generate(demo_estate()):
        for row in report.charges.select(["ResourceId", "Tags"]).to_pylist():
            if (one := found.get(row["ResourceId"])) is not None:
                told = json.loads(row["Tags"] or "{}")
                assert one.tags == {
                    key: text for key, text in told.items() if isinstance(text, str)
                }
                checked += bool(one.tags)
    assert checked > 100


def test_what_stands_idle_is_not_told() -> None:
    idle = {
        waste["resourceId"]
        for report in generate(demo_estate())
        for waste in report.truth["waste"]
        if waste["kind"] == "idle resource"
    }
    assert idle
    assert not idle & {one.resource_id for one in infrastructure(demo_estate())}
