"""Exports as providers write them, on disk and in real stores: rows and sums after each event."""

from __future__ import annotations

import gzip
import random
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from tests.integration.sources.conftest import MakeBucket
from tests.support.layouts import (
    AwsExport,
    AzureExport,
    Disk,
    Place,
    csv_bytes,
    figures,
    month_rows,
    restated,
    rows_of,
)
from tests.support.object_stores import Kind, forget_clouds

from costwire_sources import Wanted, open_source
from costwire_sources.errors import Incomplete, SourceChanged, Unreadable
from costwire_sources.source import Reading, State

SEPTEMBER, OCTOBER = month_rows("2024-09", 12), month_rows("2024-10", 5)
FIRST, SECOND = "20240901-20240930", "20241001-20241031"


@pytest.fixture(params=["disk", "s3", "az", "gs"])
def place(
    request: pytest.FixtureRequest,
    stores: Callable[[Kind], MakeBucket],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> Iterator[Place]:
    """An empty folder, and an empty bucket of each kind of store."""
    if request.param == "disk":
        yield Disk(tmp_path)
        return
    forget_clouds(monkeypatch, tmp_path)
    made = stores(request.param)()
    for name, value in made.environment.items():
        monkeypatch.setenv(name, value)
    yield made


def read(url: str, *, months: tuple[str, ...] = (), previous: State | None = None) -> Reading:
    reading = open_source(url, wanted=Wanted(months=months)).poll(previous)
    assert reading is not None
    return reading


def test_aws_export_that_is_overwritten(place: Place) -> None:
    export = AwsExport(place)
    url = place.url(export.folder)
    export.write("2024-09", [SEPTEMBER[:5], SEPTEMBER[5:9], SEPTEMBER[9:]])
    first = read(url)
    assert (first.name, first.months) == (url, ("2024-09",))
    assert figures(rows_of(first)) == figures(SEPTEMBER)
    assert open_source(url).poll(first.state) is None

    changed = restated(SEPTEMBER[:9])
    export.write("2024-09", [changed[:5], changed[5:]])  # its third chunk stays behind
    second = read(url, previous=first.state)
    assert figures(rows_of(second)) == figures(changed)
    assert second.generation >= first.generation  # stores tell whole seconds

    export.write("2024-10", [OCTOBER], finished=False)
    assert figures(rows_of(read(url))) == figures(changed)
    export.write("2024-10", [OCTOBER])
    both = read(url)
    assert both.months == ("2024-09", "2024-10")
    assert figures(rows_of(both)) == figures([*changed, *OCTOBER])
    assert figures(rows_of(read(url, months=("2024-10",)))) == figures(OCTOBER)


def test_aws_export_that_keeps_every_refresh(place: Place) -> None:
    export = AwsExport(place, keeps=True, key="billing_period")
    url = place.url(export.folder)
    export.write("2024-09", [SEPTEMBER])
    changed = restated(SEPTEMBER)
    export.write("2024-09", [changed[:6], changed[6:]])
    assert figures(rows_of(read(url))) == figures(changed)
    export.write("2024-09", [SEPTEMBER], finished=False)
    assert figures(rows_of(read(url))) == figures(changed)


def test_aws_export_whose_listed_file_is_not_there_yet(place: Place) -> None:
    export = AwsExport(place)
    (key,) = export.write("2024-09", [SEPTEMBER])
    place.delete(key)
    source = open_source(place.url(export.folder))
    with pytest.raises(Incomplete, match="which is not there; it is still being written"):
        source.poll(None)
    export.write("2024-09", [SEPTEMBER])
    assert source.poll(None) is not None


@pytest.mark.parametrize("timed", [True, False], ids=["dated runs", "runs by id"])
def test_azure_export_whose_runs_stay(place: Place, timed: bool) -> None:
    export = AzureExport(place, timed=timed)
    url = place.url(export.folder)
    export.write(FIRST, [SEPTEMBER[:5], SEPTEMBER[5:]])
    first = read(url)
    assert (first.name, first.months) == (url, ("2024-09",))
    assert figures(rows_of(first)) == figures(SEPTEMBER)
    assert [part.rows for part in first.parts] == [5, 7]
    earlier = export.latest

    changed = restated(SEPTEMBER)
    export.write(FIRST, [changed])
    second = read(url, previous=first.state)
    assert figures(rows_of(second)) == figures(changed)
    assert second.generation > first.generation

    unfinished = export.write(FIRST, [SEPTEMBER[:5]], finished=False)
    assert figures(rows_of(read(url))) == figures(changed)
    export.write(SECOND, [OCTOBER])
    both = read(url)
    assert both.months == ("2024-09", "2024-10")
    assert figures(rows_of(both)) == figures([*changed, *OCTOBER])

    named = read(place.url(earlier))
    assert (named.name, figures(rows_of(named))) == (url, figures(SEPTEMBER))
    with pytest.raises(Incomplete, match="no run of this export has its manifest yet"):
        read(place.url(unfinished[0].rpartition("/")[0]))


def test_azure_export_that_is_overwritten(place: Place) -> None:
    export = AzureExport(place, timed=False)
    (key,) = export.write(FIRST, [SEPTEMBER])
    manifest = f"{export.latest}/manifest.json"
    export.write(FIRST, [OCTOBER])
    place.delete(key)
    place.delete(manifest)
    assert figures(rows_of(read(place.url(f"{export.folder}/{FIRST}")))) == figures(OCTOBER)


def test_azure_blob_of_another_size_than_told_is_waited_for(place: Place) -> None:
    export = AzureExport(place)
    (key,) = export.write(FIRST, [SEPTEMBER])
    place.put(key, csv_bytes(SEPTEMBER[:3]))
    with pytest.raises(Incomplete, match="and its manifest tells of"):
        read(place.url(export.folder))


def test_azure_export_of_other_data_is_refused(place: Place) -> None:
    export = AzureExport(place, kind="ReservationDetails")
    export.write(FIRST, [SEPTEMBER])
    with pytest.raises(Unreadable, match="make one of 'Cost and usage details"):
        read(place.url(export.folder))


def test_folders_by_day_are_one_report_to_which_late_files_belong(place: Place) -> None:
    def day(path: str, content: bytes) -> None:
        place.put(f"FOCUS Reports/{path}.csv.gz", gzip.compress(content, mtime=0))

    day("2024/09/29/0001", csv_bytes(SEPTEMBER[:5]))
    day("2024/09/30/0001", csv_bytes(SEPTEMBER[5:9]))
    url = place.url("FOCUS Reports")
    first = read(url)
    assert (first.name, first.months) == (url, ())
    assert figures(rows_of(first)) == figures(SEPTEMBER[:9])
    day("2024/10/01/0001", csv_bytes(OCTOBER))
    day("2024/10/01/0002", csv_bytes(SEPTEMBER[9:]))
    later = read(url, previous=first.state)
    assert figures(rows_of(later)) == figures([*SEPTEMBER, *OCTOBER])


def test_partitions_without_manifests_declare_their_months(place: Place) -> None:
    place.put("bills/billing_period=2024-09/day=1/a.csv", csv_bytes(SEPTEMBER[:5]))
    place.put("bills/billing_period=2024-09/day=2/a.csv", csv_bytes(SEPTEMBER[5:]))
    place.put("bills/billing_period=2024-10/a.csv", csv_bytes(OCTOBER))
    both = read(place.url("bills"))
    assert (both.months, figures(rows_of(both))) == (
        ("2024-09", "2024-10"),
        figures([*SEPTEMBER, *OCTOBER]),
    )
    one = read(place.url("bills/billing_period=2024-10"))
    assert (one.name, one.months) == (place.url("bills"), ("2024-10",))


def test_name_that_a_user_gives_stays(place: Place) -> None:
    AzureExport(place).write(FIRST, [SEPTEMBER])
    assert read(place.url("costs")).name == place.url("costs/acme-focus")
    reading = open_source(place.url("costs"), name="acme").poll(None)
    assert reading is not None
    assert reading.name == "acme"


def test_nothing_but_manifests_is_read_to_find_out(place: Place) -> None:
    """Data files of an export that lie outside what is listed may be anything at all."""
    export = AwsExport(place)
    export.write("2024-09", [SEPTEMBER])
    place.put(f"{export.folder}/data/BILLING_PERIOD=2024-09/other", b"\x1f\x8bnonsense")
    assert figures(rows_of(read(place.url(export.folder)))) == figures(SEPTEMBER)


@pytest.mark.parametrize("layout", ["aws", "azure", "partitions", "daily"])
def test_layout_of_a_file_is_refused(layout: str, place: Place) -> None:
    place.put("a.csv", csv_bytes(SEPTEMBER))
    wanted = Wanted(layout)  # type: ignore[arg-type]
    for path in ("a.csv", "*.csv"):
        with pytest.raises(Unreadable, match=f"the layout {layout} is one of folders"):
            open_source(place.url(path), wanted=wanted).poll(None)


def test_change_of_a_manifest_alone_is_a_change(tmp_path: Path) -> None:
    place = Disk(tmp_path)
    export = AwsExport(place)
    first, second = export.write("2024-09", [SEPTEMBER[:5], SEPTEMBER[5:]])
    url = place.url(export.folder)
    whole = read(url)
    export.manifest("2024-09", [first])
    assert figures(rows_of(read(url, previous=whole.state))) == figures(SEPTEMBER[:5])
    export.manifest("2024-09", [second, first])
    assert figures(rows_of(read(url))) == figures(SEPTEMBER)


def test_local_generation_is_that_of_the_manifest(tmp_path: Path) -> None:
    export = AzureExport(Disk(tmp_path))
    export.write(FIRST, [SEPTEMBER])
    generation = read(str(tmp_path)).generation
    assert generation == datetime(2024, 12, 1, 6, 0, 0, 523444, tzinfo=UTC)


def test_export_that_is_rewritten_while_it_is_read_is_never_a_mixture(tmp_path: Path) -> None:
    """A writer refreshes an export file by file; each look sees one of its states, or waits."""
    place, chance = Disk(tmp_path), random.Random(7)  # noqa: S311 -- no secret
    export = AwsExport(place)
    export.write("2024-09", [SEPTEMBER[:6], SEPTEMBER[6:]])
    url = place.url(export.folder)
    states = [figures(SEPTEMBER)]
    outcomes = {"whole": 0, "waited": 0}

    def look() -> None:
        try:
            assert figures(rows_of(read(url))) in states
            outcomes["whole"] += 1
        except (Incomplete, SourceChanged):
            outcomes["waited"] += 1

    for turn in range(20):
        rows = restated(SEPTEMBER, f"{turn}.125")
        rows[-1] = rows[-1] | {"BilledCost": f"{turn}.5"}
        states.append(figures(rows))
        keys = export.write("2024-09", [rows[:6]], finished=False)
        look()
        key = keys[0].replace("00001", "00002")
        place.put(key, gzip.compress(csv_bytes(rows[6:]), mtime=0))
        if chance.random() < 0.5:
            look()
        export.manifest("2024-09", [keys[0], key])
        look()
    assert outcomes["whole"] == 20
    assert outcomes["waited"] >= 20
