"""Folders by billing month and by day, which have no manifests."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import pytest

from costwire_sources.errors import NotFound, Unreadable
from costwire_sources.layouts import Plan, Seen, Tree, Wanted, find_report

NOON = datetime(2024, 10, 1, 12, tzinfo=UTC)


def plan(paths: Sequence[str], wanted: Wanted | None = None, root: str = "/srv/bills") -> Plan:
    tree = Tree(root, {path: Seen(1, NOON) for path in paths}, lambda _: b"")
    return find_report(tree, wanted or Wanted(), lambda path: path.endswith(".csv"))


def paths_of(found: Plan) -> list[str]:
    return [file.path for file in found.files]


PARTITIONS = [
    "BILLING_PERIOD=2024-09/b.csv",
    "BILLING_PERIOD=2024-09/x/a.csv",
    "billing_period=2024-10/a.csv",
]


def test_partitions_are_the_whole_of_their_months() -> None:
    found = plan([*PARTITIONS, "README.md"])
    assert paths_of(found) == PARTITIONS
    assert (found.export, found.months) == ("/srv/bills", ("2024-09", "2024-10"))


def test_partition_that_is_named_belongs_to_the_same_source() -> None:
    found = plan(["b.csv"], root="/srv/bills/BILLING_PERIOD=2024-09")
    assert (found.export, found.months) == ("/srv/bills", ("2024-09",))


def test_wanted_partitions_alone_are_read() -> None:
    found = plan(PARTITIONS, Wanted(months=("2024-10",)))
    assert (paths_of(found), found.months) == (PARTITIONS[2:], ("2024-10",))
    with pytest.raises(NotFound, match="it has no 2024-11; it has 2024-09, 2024-10"):
        plan(PARTITIONS, Wanted(months=("2024-11",)))


def test_reports_beside_partitions_make_a_plain_folder() -> None:
    found = plan([*PARTITIONS, "more.csv"])
    assert (len(found.files), found.months, found.export) == (4, (), None)
    with pytest.raises(NotFound, match=r"more\.csv lies in no folder of the form billing_period="):
        plan([*PARTITIONS, "more.csv"], Wanted("partitions"))


def test_refreshes_without_manifests_are_not_added_up() -> None:
    runs = [f"BILLING_PERIOD=2024-09/2024090{day}T053621Z-x/a.csv" for day in (1, 2)]
    with pytest.raises(Unreadable, match="copy the folder metadata as well"):
        plan(runs)


def test_partitions_of_two_sources_are_not_taken_for_one() -> None:
    with pytest.raises(Unreadable, match="it holds 2 exports: /srv/bills/a, /srv/bills/b"):
        plan(["a/billing_period=2024-09/a.csv", "b/billing_period=2024-09/a.csv"])


DAYS = [
    "FOCUS Reports/2024/09/30/0001.csv",
    "FOCUS Reports/2024/09/30/0002.csv",
    "FOCUS Reports/2024/10/01/0001.csv",
]


@pytest.mark.parametrize("layout", ["auto", "daily", "none"])
@pytest.mark.parametrize(
    "paths",
    [DAYS, ["date=2024-09-01/a.csv", "day=2024-09-02/a.csv"], ["year=2024/month=9/day=1/a.csv"]],
    ids=["slashes", "Hive", "Hive by parts"],
)
def test_folders_by_day_are_one_report_whose_charges_tell_their_months(
    layout: Any, paths: list[str]
) -> None:
    found = plan(paths, Wanted(layout))
    assert (paths_of(found), found.months, found.export) == (paths, (), None)


def test_report_beside_days_would_count_twice_and_is_refused_where_days_are_told() -> None:
    with pytest.raises(NotFound, match=r"2024-09\.csv lies in no folder of the form YYYY/MM/DD/"):
        plan(["2024/09/01/a.csv", "2024-09.csv"], Wanted("daily"))


@pytest.mark.parametrize("layout", ["auto", "partitions", "daily"])
def test_folder_without_reports_has_nothing_to_read(layout: Any) -> None:
    assert not plan(["README.md"], Wanted(layout)).files
