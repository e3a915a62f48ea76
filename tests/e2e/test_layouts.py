"""Exports of providers through the whole pipeline: a later run of one replaces the earlier."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.support.commands import Run, costwire_here
from tests.support.layouts import AwsExport, AzureExport, Disk, figures, month_rows, restated
from tests.support.object_stores import S3Bucket, forget_clouds, s3_server
from tests.support.store import Store

SEPTEMBER, OCTOBER = month_rows("2024-09", 40), month_rows("2024-10", 30)
FIRST, SECOND = "20240901-20240930", "20241001-20241031"


def test_later_run_of_an_azure_export_replaces_the_earlier_and_leaves_other_months(
    run: Run, store: Store, tmp_path: Path
) -> None:
    export, table = AzureExport(Disk(tmp_path)), "azure_runs"
    export.write(FIRST, [SEPTEMBER[:25], SEPTEMBER[25:]])
    assert run(tmp_path, table=table).status == 0
    assert store.shown(table) == figures(SEPTEMBER)

    changed = restated(SEPTEMBER)
    export.write(FIRST, [changed])
    assert run(tmp_path, table=table).status == 0
    assert store.shown(table) == figures(changed)

    export.write(SECOND, [OCTOBER])
    export.write(FIRST, [SEPTEMBER[:1]], finished=False)
    assert run(tmp_path, table=table).status == 0
    assert store.shown(table) == figures([*changed, *OCTOBER])

    (tail := export).write(SECOND, [restated(OCTOBER)])
    newest = tmp_path / tail.latest
    assert run(newest, table=table).status == 0
    assert store.shown(table) == figures([*changed, *restated(OCTOBER)])

    entries = store.ledger(table)
    assert {entry["source"] for entry in entries} == {str(tmp_path / export.folder)}
    assert [entry["state"] for entry in entries] == ["committed"] * 4
    counts = ("added", "removed", "corrected", "unchanged")
    assert [tuple(entry["rows"][name] for name in counts) for entry in entries] == [
        (40, 0, 0, 0),
        (1, 1, 1, 39),
        (30, 0, 0, 40),
        (1, 1, 1, 29),
    ]
    assert all(entry["balanced"] for entry in entries)


def test_month_of_an_export_can_be_delivered_alone(run: Run, store: Store, tmp_path: Path) -> None:
    export, table = AwsExport(Disk(tmp_path), keeps=True), "aws_months"
    export.write("2024-09", [SEPTEMBER])
    export.write("2024-10", [OCTOBER])
    assert run(tmp_path, table=table).status == 0
    export.write("2024-09", [SEPTEMBER[:1]])
    changed = restated(OCTOBER)
    export.write("2024-10", [changed[:10], changed[10:]])
    assert run(tmp_path, "--period", "2024-10", table=table).status == 0
    assert store.shown(table) == figures([*SEPTEMBER, *changed])


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[S3Bucket]:
    """An empty bucket that commands may read."""
    with s3_server(tmp_path / "s3") as url:
        made = S3Bucket(url)
        forget_clouds(monkeypatch, tmp_path)
        for name, value in made.environment.items():
            monkeypatch.setenv(name, value)
        yield made


def test_superseded_chunk_of_an_aws_export_in_a_bucket_is_not_counted_twice(
    run: Run, store: Store, bucket: S3Bucket
) -> None:
    export, table = AwsExport(bucket), "aws_chunks"
    url = bucket.url(export.folder)
    export.write("2024-09", [SEPTEMBER[:15], SEPTEMBER[15:30], SEPTEMBER[30:]])
    assert run(url, table=table).status == 0
    assert store.shown(table) == figures(SEPTEMBER)
    changed = restated(SEPTEMBER)
    export.write("2024-09", [changed[:15], changed[15:]])
    assert run(url, table=table).status == 0
    assert store.shown(table) == figures(changed)
    assert {entry["source"] for entry in store.ledger(table)} == {url}


def test_export_is_checked_as_its_layout_means_it(tmp_path: Path) -> None:
    export = AzureExport(Disk(tmp_path))
    for rows in (SEPTEMBER, restated(SEPTEMBER)):
        export.write(FIRST, [rows])
    told = costwire_here("validate", tmp_path, "--format", "json").json()
    assert (told["source"], told["rows"]["read"]) == (str(tmp_path / export.folder), 40)
    plain = costwire_here("validate", tmp_path, "--layout", "none", "--format", "json").json()
    assert plain["rows"]["read"] == 80
    other = costwire_here("validate", tmp_path, "--layout", "aws")
    assert (other.status, "no folders as aws writes them" in other.err) == (1, True)
