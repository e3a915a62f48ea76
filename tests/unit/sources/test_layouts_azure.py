"""Azure Cost Management exports: what of an export is the report, and what is refused."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest

from costwire_sources.errors import Incomplete, NotFound, Unreadable
from costwire_sources.layouts import Listed, Plan, Seen, Tree, Wanted, find_report

NOON = datetime(2024, 12, 1, 12, tzinfo=UTC)
EXPORT = "az://bills/costs/acme"
PERIOD = "20240901-20240930"
RUN = f"{PERIOD}/202412010600/{uuid.UUID(int=1)}"
PART = f"{RUN}/part_0_0001.csv"
SIZE = 7


def blob(path: str = PART, **changes: Any) -> dict[str, Any]:
    return {"blobName": f"costs/acme/{path}", "byteCount": SIZE, "dataRowCount": 3} | changes


def manifest(*blobs: Any, **changes: Any) -> bytes:
    told = {
        "blobCount": len(blobs),
        "exportConfig": {"type": "FocusCost"},
        "runInfo": {"submittedTime": "2024-12-01T06:00:00.1234567Z"},
        "blobs": list(blobs),
    }
    return json.dumps(told | changes).encode()


def plan(
    files: Mapping[str, bytes | None], wanted: Wanted | None = None, root: str = EXPORT
) -> Plan:
    """`files`: by path; the content of a manifest, None for others."""
    seen = {
        path: Seen(SIZE if content is None else len(content), NOON)
        for path, content in files.items()
    }

    def fetch(path: str) -> bytes:
        content = files[path]
        assert content is not None, "only manifests are read"
        return content

    tree = Tree(root, seen, fetch)
    return find_report(tree, wanted or Wanted(), lambda path: path.endswith(".csv"))


def one_run(content: bytes) -> Plan:
    return plan({PART: None, f"{RUN}/manifest.json": content})


def run_of(
    period: str, number: int = 1, *, time: str = "", submitted: str = "2024-12-01T06:00:00Z"
) -> dict[str, bytes | None]:
    folder = f"{period}/{time}{uuid.UUID(int=number)}"
    path = f"{folder}/part_0_0001.csv"
    told = manifest(blob(path), runInfo={"submittedTime": submitted})
    return {path: None, f"{folder}/manifest.json": told}


def chosen(found: Plan) -> list[int]:
    return [uuid.UUID(file.path.split("/")[-2]).int for file in found.files]


@pytest.mark.parametrize(
    "root",
    ["az://bills", "az://bills/costs", EXPORT, f"{EXPORT}/{PERIOD}", f"{EXPORT}/{RUN}"],
    ids=["container", "folder", "export", "period", "run"],
)
def test_export_has_one_name_whatever_of_it_is_named(root: str) -> None:
    files = {PART: None, f"{RUN}/manifest.json": manifest(blob())}
    own = {f"{EXPORT}/{path}".removeprefix(f"{root}/"): told for path, told in files.items()}
    found = plan(own, root=root)
    assert (found.export, found.months) == (EXPORT, ("2024-09",))
    assert found.generation == datetime(2024, 12, 1, 6, 0, 0, 123456, tzinfo=UTC)
    assert found.files == [Listed(f"{EXPORT}/{PART}".removeprefix(f"{root}/"), 3)]


def test_blob_is_found_beside_its_manifest_where_the_export_was_copied_elsewhere() -> None:
    found = one_run(manifest(blob(blobName=f"another/root/{PART}")))
    assert [file.path for file in found.files] == [PART]


def test_period_whose_manifest_lists_nothing_is_left_for_later_and_not_withdrawn() -> None:
    found = plan(run_of("20240801-20240831") | {f"{RUN}/manifest.json": manifest()})
    assert found.months == ("2024-08",)


@pytest.mark.parametrize(
    "name",
    [
        f"costs/acme/{RUN}/../part_0_0001.csv",
        "costs/secret.csv",
        f"costs/acme/{PERIOD}/202412010600/{uuid.UUID(int=2)}/part_0_0001.csv",
        f"costs/acme/{RUN}//part_0_0001.csv",
        f"costs/acme/{RUN}",
        f"costs\\acme\\{RUN}\\part_0_0001.csv",
        "",
    ],
)
def test_blob_outside_its_run_is_refused(name: str) -> None:
    with pytest.raises(Unreadable, match="which lies outside its export's folder"):
        one_run(manifest(blob(blobName=name)))


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"nonsense", "is no JSON"),
        (b"3", "is no JSON object"),
        (b"{}", "has no type"),
        (manifest(blob(), exportConfig="x"), "its exportConfig is no object"),
        (manifest(blob(), exportConfig={"type": "ActualCost"}), "is that of an export of 'Actual"),
        (manifest(blob(), blobs=None), "has no blobs"),
        (manifest(blob(), blobs=["x"]), "lists blobs that are no objects"),
        (manifest(blob(), blobs=[{}] * 100_001), "lists 100001 blobs; more than 100000"),
        (manifest(blob(), blobCount=2), "tells of 2 blobs and lists 1"),
        (manifest({"byteCount": 7}), "has no blobName"),
        (manifest(blob(byteCount=-1)), "its byteCount is -1, which cannot be"),
        (manifest(blob(byteCount=1 << 60)), "which cannot be"),
        (manifest(blob(byteCount="7")), "its byteCount is no whole number"),
        (manifest(blob(byteCount=True)), "its byteCount is no whole number"),
        (manifest(blob(dataRowCount=0.5)), "its dataRowCount is no whole number"),
        (manifest(blob(), blob()), f"lists {PART} twice"),
        (manifest(blob(), runInfo={"submittedTime": "soon"}), "is no time: 'soon'"),
        (
            manifest(blob(), runInfo={"submittedTime": "9999-12-31T23:59:59+00:00"}),
            "after it was written",
        ),
        (
            manifest(blob(), runInfo={"submittedTime": "0001-01-01T00:00:00+14:00"}),
            "is no time",
        ),
    ],
    ids=lambda case: case if isinstance(case, str) else "",
)
def test_manifest_that_cannot_be_right_is_refused(content: bytes, said: str) -> None:
    with pytest.raises(Unreadable) as caught:
        one_run(content)
    assert said in str(caught.value)
    assert f"{EXPORT}/{RUN}/manifest.json" in str(caught.value)


def test_blob_that_is_not_there_is_waited_for() -> None:
    with pytest.raises(Incomplete, match=r"part_1_0001\.csv, which is not there"):
        one_run(manifest(blob(), blob(f"{RUN}/part_1_0001.csv")))


def test_blob_of_another_size_is_waited_for() -> None:
    with pytest.raises(Incomplete, match="it has 7 bytes, and its manifest tells of 8"):
        one_run(manifest(blob(byteCount=8)))


def test_size_of_a_packed_blob_is_not_compared() -> None:
    packed = f"{RUN}/part_0_0001.csv.gz"
    told = manifest(blob(packed, byteCount=8))
    found = plan({packed: None, f"{RUN}/manifest.json": told})
    assert [each.path for each in found.files] == [packed]


@pytest.mark.parametrize("times", [("202412010600/", "202412020600/"), ("", "")], ids=["timed", ""])
def test_newest_run_of_a_period_is_the_period(times: tuple[str, str]) -> None:
    older = run_of(PERIOD, 9, time=times[0], submitted="2024-12-01T06:00:00Z")
    newer = run_of(PERIOD, 2, time=times[1], submitted="2024-12-02T06:00:00Z")
    assert chosen(plan(newer | older)) == [2]
    unfinished = {path: told for path, told in newer.items() if told is None}
    assert chosen(plan(older | unfinished)) == [9]


def test_manifest_that_is_there_twice_counts_once() -> None:
    files = run_of(PERIOD)
    (manifest_path,) = (path for path in files if path.endswith("manifest.json"))
    twice = files | {manifest_path.replace("manifest", "_manifest"): files[manifest_path]}
    assert chosen(plan(twice)) == [1]


def test_runs_of_folders_with_and_without_times_are_told_apart_by_their_manifests() -> None:
    older = run_of(PERIOD, 1, time="202412010600/", submitted="2024-12-01T06:00:00Z")
    newer = run_of(PERIOD, 2, submitted="2024-12-01T18:00:00Z")
    assert chosen(plan(older | newer)) == [2]


def test_each_period_has_its_newest_run() -> None:
    found = plan(run_of(PERIOD, 1) | run_of("20241001-20241031", 2))
    assert (chosen(found), found.months) == ([1, 2], ("2024-09", "2024-10"))
    only = plan(run_of(PERIOD, 1) | run_of("20241001-20241031", 2), Wanted(months=("2024-10",)))
    assert (chosen(only), only.months) == ([2], ("2024-10",))


def test_period_of_several_months_is_the_whole_of_each() -> None:
    assert plan(run_of("20241101-20250131")).months == ("2024-11", "2024-12", "2025-01")
    assert plan(run_of("00010101-00010131")).months == ("0001-01",)


@pytest.mark.parametrize(
    "period", ["20240915-20240930", "20240901-20240915", "20240930-20240901", "20249901-20249930"]
)
def test_part_of_a_month_cannot_replace_the_month(period: str) -> None:
    with pytest.raises(Unreadable, match="these are not whole months"):
        plan(run_of(period))


def test_periods_that_overlap_are_refused() -> None:
    with pytest.raises(Unreadable, match="2024-09 is in 20240901-20240930 and in 20240901-2024103"):
        plan(run_of(PERIOD) | run_of("20240901-20241031", 2))


def test_runs_without_any_manifest_are_waited_for() -> None:
    with pytest.raises(Incomplete, match="no run of this export has its manifest yet"):
        plan({PART: None})


def runs_as_files(*numbers: int) -> dict[str, bytes | None]:
    return {f"{PERIOD}/acme_{uuid.UUID(int=number)}.csv": None for number in numbers}


def test_runs_that_are_files_without_manifests_are_not_added_up() -> None:
    with pytest.raises(Unreadable, match=f"read {EXPORT}/{PERIOD}: these are 2 runs"):
        plan(runs_as_files(1, 2))
    assert len(plan(runs_as_files(1, 2), Wanted("none")).files) == 2
    assert len(plan(runs_as_files(1)).files) == 1


def test_report_beside_the_runs_of_a_period_is_not_passed_over() -> None:
    with pytest.raises(Unreadable, match="is no part of the export"):
        plan(run_of(PERIOD) | runs_as_files(2))
    assert chosen(plan(run_of(PERIOD) | runs_as_files(2), Wanted("azure"))) == [1]


def test_month_that_no_run_has_finished_is_not_there() -> None:
    with pytest.raises(NotFound, match="it has no 2024-10; it has 2024-09"):
        plan(run_of(PERIOD), Wanted(months=("2024-10",)))


def test_several_exports_are_not_taken_for_one() -> None:
    files = {f"{name}/{path}": told for name in "ab" for path, told in run_of(PERIOD).items()}
    with pytest.raises(Unreadable, match="it holds 2 exports"):
        plan(files)


@pytest.mark.parametrize(
    "path", ["manifest.json", "2024-09/manifest.json", "20240901-20240930.csv/manifest.json"]
)
def test_manifest_of_another_kind_makes_no_export(path: str) -> None:
    found = plan({path: b"{}", "a.csv": None})
    assert (found.export, [file.path for file in found.files]) == (None, ["a.csv"])
