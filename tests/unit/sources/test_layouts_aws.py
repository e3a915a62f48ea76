"""AWS Data Exports: what of an export is the report, and which manifests are refused."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from costwire_sources.errors import Incomplete, NotFound, SourceError, Unreadable
from costwire_sources.layouts import Plan, Seen, Tree, Wanted, find_report
from costwire_sources.layouts.aws import run_time

NOON = datetime(2024, 10, 1, 12, tzinfo=UTC)
EXPORT = "s3://bills/finops/acme"
MANIFEST = "metadata/BILLING_PERIOD=2024-09/acme-Manifest.json"
CHUNK = "data/BILLING_PERIOD=2024-09/acme-00001.csv.gz"


def listing(*entries: object, **members: Any) -> bytes:
    return json.dumps({"dataFiles": list(entries)} | members).encode()


def plan(
    files: Mapping[str, bytes | datetime], wanted: Wanted | None = None, root: str = EXPORT
) -> Plan:
    """`files`: by path; a manifest's content, or the time of a data file."""
    seen = {
        path: Seen(7, told) if isinstance(told, datetime) else Seen(len(told), NOON)
        for path, told in files.items()
    }

    def fetch(path: str) -> bytes:
        content = files[path]
        assert isinstance(content, bytes), "only manifests are read"
        return content

    tree = Tree(root, seen, fetch)
    return find_report(tree, wanted or Wanted(), lambda path: path.endswith(".gz"))


def one_month(manifest: bytes) -> Plan:
    return plan({CHUNK: NOON, MANIFEST: manifest})


def refusal(manifest: bytes) -> str:
    with pytest.raises(Unreadable) as caught:
        one_month(manifest)
    return str(caught.value)


@pytest.mark.parametrize(
    "entry",
    [
        f"s3://bills/finops/acme/{CHUNK}",
        f"/finops/acme/{CHUNK}",
        CHUNK,
        f"s3://where-it-was-copied-from/elsewhere/{CHUNK}",
    ],
    ids=["bucket and key", "slash first", "below the export", "a copied export"],
)
def test_listed_file_is_found_in_the_export_whatever_bucket_it_is_said_to_be_in(
    entry: str,
) -> None:
    found = one_month(listing(entry))
    assert [file.path for file in found.files] == [CHUNK]
    assert (found.export, found.months, found.generation) == (EXPORT, ("2024-09",), NOON)


def test_lower_case_partitions_are_read_alike() -> None:
    chunk, manifest = CHUNK.lower(), MANIFEST.replace("BILLING_PERIOD", "billing_period")
    assert [file.path for file in plan({chunk: NOON, manifest: listing(chunk)}).files] == [chunk]


@pytest.mark.parametrize("root", ["s3://bills", "s3://bills/finops", EXPORT])
def test_export_has_one_name_whatever_above_it_is_named(root: str) -> None:
    below = f"{EXPORT}/".removeprefix(f"{root}/")
    found = plan({below + CHUNK: NOON, below + MANIFEST: listing(CHUNK)}, root=root)
    assert (found.export, [file.path for file in found.files]) == (EXPORT, [below + CHUNK])


@pytest.mark.parametrize(
    "below", ["data", "data/BILLING_PERIOD=2024-09", "metadata", "metadata/BILLING_PERIOD=2024-09"]
)
def test_part_of_an_export_is_refused_with_the_name_of_the_whole(below: str) -> None:
    files = {CHUNK: NOON, MANIFEST: listing(CHUNK)}
    own = {
        path.removeprefix(f"{below}/"): told
        for path, told in files.items()
        if path.startswith(f"{below}/")
    }
    with pytest.raises(Unreadable, match=f"name {EXPORT}, and choose months"):
        plan(own, root=f"{EXPORT}/{below}")


@pytest.mark.parametrize(
    "entry",
    [
        f"s3://bills/finops/acme/../other/{CHUNK}",
        "data/BILLING_PERIOD=2024-09/../../secret.csv",
        "data/BILLING_PERIOD=2024-09/./a.csv",
        "s3://bills/finops/acme//data/BILLING_PERIOD=2024-09/a.csv",
        "s3://bills/secret.csv",
        "data/BILLING_PERIOD=2024-10/acme-00001.csv.gz",
        "data/BILLING_PERIOD=2024-09/a\\..\\b.csv",
        "data/BILLING_PERIOD=2024-09/a\nb.csv",
        "https://bills.example/data/BILLING_PERIOD=2024-09/a.csv",
        "",
    ],
)
def test_file_outside_the_export_is_refused(entry: str) -> None:
    assert "which lies outside its export's folder; nothing there is read" in refusal(
        listing(entry)
    )


@pytest.mark.parametrize(
    ("manifest", "said"),
    [
        (b"{", "is no JSON"),
        (b"\xff\xfe", "is no JSON"),
        (b"[" * 100_000, "is no JSON"),
        (b"[]", "is no JSON object"),
        (b"{}", "has no dataFiles"),
        (b'{"dataFiles": null}', "has no dataFiles"),
        (b'{"dataFiles": {}}', "its dataFiles is no list"),
        (listing(3), "lists dataFiles that are no text"),
        (listing(CHUNK, CHUNK), "lists data/BILLING_PERIOD=2024-09/acme-00001.csv.gz twice"),
        (listing(*["x"] * 100_001), "lists 100001 dataFiles; more than 100000 are not read"),
        (b" " * (9 << 20), "is no manifest; at most 8388608 are read"),
    ],
    ids=lambda case: case if isinstance(case, str) else "",
)
def test_manifest_that_cannot_be_right_is_refused(manifest: bytes, said: str) -> None:
    told = refusal(manifest)
    assert said in told
    assert told.startswith(f"read {EXPORT}/{MANIFEST}: ")


def test_export_of_another_table_is_refused() -> None:
    columns = [{"name": "line_item_unblended_cost", "type": "double"}]
    assert "another table than FOCUS: it has no column BilledCost" in refusal(
        listing(CHUNK, columns=columns)
    )
    assert one_month(listing(CHUNK, columns=["BilledCost"])).files


def test_listed_file_that_is_not_there_is_waited_for() -> None:
    with pytest.raises(Incomplete, match=r"acme-00002\.csv\.gz, which is not there") as caught:
        one_month(listing(CHUNK, CHUNK.replace("00001", "00002")))
    assert caught.value.transient


def test_data_newer_than_their_manifest_are_being_written() -> None:
    with pytest.raises(Incomplete, match="it is newer than its manifest"):
        plan({CHUNK: NOON + timedelta(seconds=1), MANIFEST: listing(CHUNK)})


def test_file_that_no_manifest_lists_is_left_out() -> None:
    stale = CHUNK.replace("00001", "00002")
    found = plan({CHUNK: NOON, stale: NOON + timedelta(days=1), MANIFEST: listing(CHUNK)})
    assert [file.path for file in found.files] == [CHUNK]


def test_refresh_of_the_latest_time_counts_whatever_time_its_copy_has() -> None:
    runs = {"20240902T010000Z-b": 1, "20240901T230000Z-c": 2}
    files: dict[str, bytes | datetime] = {}
    for run in runs:
        data = f"data/BILLING_PERIOD=2024-09/{run}/acme-00001.csv.gz"
        files[data] = NOON
        files[f"metadata/BILLING_PERIOD=2024-09/{run}/Manifest.json"] = listing(data)
    found = plan(files)
    assert [file.path.split("/")[2] for file in found.files] == ["20240902T010000Z-b"]
    assert found.generation == datetime(2024, 9, 2, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("folder", "expected"),
    [
        ("20240930T053621Z-0b1e", datetime(2024, 9, 30, 5, 36, 21, tzinfo=UTC)),
        ("2024-09-30T05:36:21.123Z-0b1e", datetime(2024, 9, 30, 5, 36, 21, tzinfo=UTC)),
        ("20241330T053621Z-0b1e", None),
        ("0b1e", None),
    ],
)
def test_time_of_a_refresh_is_read_from_its_folder(folder: str, expected: datetime | None) -> None:
    assert run_time(folder) == expected


def months_of(*months: str) -> dict[str, bytes | datetime]:
    files: dict[str, bytes | datetime] = {}
    for month in months:
        chunk = CHUNK.replace("2024-09", month)
        files |= {chunk: NOON, MANIFEST.replace("2024-09", month): listing(chunk)}
    return files


def test_wanted_months_alone_are_read() -> None:
    files = months_of("2024-08", "2024-09", "2024-10")
    found = plan(files, Wanted(months=("2024-08", "2024-10")))
    assert found.months == ("2024-08", "2024-10")
    assert len(found.files) == 2
    with pytest.raises(NotFound, match=r"it has no 2024-11; it has 2024-08"):
        plan(files, Wanted(months=("2024-08", "2024-11")))


def test_month_without_a_manifest_is_left_for_later() -> None:
    files = months_of("2024-09") | {CHUNK.replace("2024-09", "2024-10"): NOON}
    assert plan(files).months == ("2024-09",)


@pytest.mark.parametrize("manifest", [None, listing()], ids=["no manifest", "no files"])
def test_export_without_anything_finished_is_waited_for(manifest: bytes | None) -> None:
    with pytest.raises(Incomplete):
        plan({CHUNK: NOON} | ({MANIFEST: manifest} if manifest else {}))


def test_month_whose_manifest_lists_nothing_is_left_for_later_and_not_withdrawn() -> None:
    files = months_of("2024-08", "2024-09") | {MANIFEST: listing()}
    assert plan(files).months == ("2024-08",)
    with pytest.raises(Incomplete, match="list no files, and would withdraw all charges"):
        plan(files, Wanted(months=("2024-09",)))


def test_several_exports_are_not_taken_for_one() -> None:
    files = {f"{name}/{path}": told for name in "ab" for path, told in months_of("2024-09").items()}
    with pytest.raises(Unreadable, match=f"it holds 2 exports: {EXPORT}/a, {EXPORT}/b; name one"):
        plan(files)


def test_reports_beside_an_export_are_told_below_a_folder_called_metadata() -> None:
    files = {f"acme/{path}": told for path, told in months_of("2024-09").items()}
    with pytest.raises(Unreadable, match=r"other\.csv\.gz is no part of the export"):
        plan(files | {"other.csv.gz": NOON}, root="s3://bills/metadata/finops")


@pytest.mark.parametrize("other", ["other/a.csv.gz", "acme/old.csv.gz", "acme/data/x/a.csv.gz"])
def test_reports_beside_an_export_are_not_passed_over(other: str) -> None:
    files = {f"acme/{path}": told for path, told in months_of("2024-09").items()}
    with pytest.raises(Unreadable, match=f"{re.escape(other)} is no part of the export {EXPORT}/"):
        plan(files | {other: NOON})
    assert plan(files | {"other/README.md": NOON, "acme/metadata/a.csv.gz": NOON}).files
    assert len(plan(files | {other: NOON}, Wanted("aws")).files) == 1


def test_refresh_of_a_time_to_come_is_refused() -> None:
    """Every later one would be older than it."""
    data = "data/BILLING_PERIOD=2024-09/99991231T000000Z-a/acme-00001.csv.gz"
    manifest = "metadata/BILLING_PERIOD=2024-09/99991231T000000Z-a/Manifest.json"
    with pytest.raises(Unreadable, match="is one of a run of 9999-12-31 00:00, after it was"):
        plan({data: NOON, manifest: listing(data)})


def test_digits_of_other_scripts_make_no_month() -> None:
    found = plan({CHUNK.replace("2024", "\u0662\u0660\u0662\u0664"): NOON})
    assert (found.export, found.months) == (None, ())


def test_manifests_are_bounded_together() -> None:
    months = [f"{year}-{month:02d}" for year in (2023, 2024) for month in range(1, 13)]
    files = months_of(*months)
    for path, told in files.items():
        if isinstance(told, bytes):
            files[path] = told.ljust(3 << 20)
    with pytest.raises(Unreadable, match="larger than 67108864 bytes together"):
        plan(files)


def test_plain_layout_reads_whatever_is_there() -> None:
    found = plan(months_of("2024-08", "2024-09"), Wanted("none"))
    assert (len(found.files), found.export, found.months) == (2, None, ())


@pytest.mark.parametrize("layout", ["aws", "azure"])
def test_told_layout_that_is_not_there_is_an_error(layout: Any) -> None:
    with pytest.raises(NotFound, match=f"no folders as {layout} writes them"):
        plan({"a.csv.gz": NOON}, Wanted(layout))


@pytest.mark.parametrize("error", [Incomplete, Unreadable])
def test_only_what_is_being_written_is_worth_another_look(error: type[SourceError]) -> None:
    assert error.transient is (error is Incomplete)
