"""Exports of providers through the whole pipeline: a later run of one replaces the earlier."""

from __future__ import annotations

import csv
import gzip
import io
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from tests.support.commands import Run, costwire_here
from tests.support.in_process import Pipeline
from tests.support.layouts import (
    AwsExport,
    AzureExport,
    Disk,
    csv_bytes,
    figures,
    month_rows,
    restated,
)
from tests.support.object_stores import (
    AzureContainer,
    Bucket,
    S3Bucket,
    XmlGoogleBucket,
    azure_server,
    forget_clouds,
    s3_server,
)
from tests.support.reports import COSTS, Row
from tests.support.store import Store

from costwire_focus.estates import TRUTH, Estate, daily_files

SEPTEMBER, OCTOBER = month_rows("2024-09", 40), month_rows("2024-10", 30)
FIRST, SECOND = "20240901-20240930", "20241001-20241031"


def test_later_run_of_an_azure_export_replaces_the_earlier_and_leaves_other_months(
    direct: Pipeline, store: Store, tmp_path: Path
) -> None:
    root, table = tmp_path / "bills", "azure_runs"
    export = AzureExport(Disk(root))
    export.write(FIRST, [SEPTEMBER[:25], SEPTEMBER[25:]])
    direct.deliver(root, table)
    assert store.shown(table) == figures(SEPTEMBER)

    changed = restated(SEPTEMBER)
    export.write(FIRST, [changed])
    direct.deliver(root, table)
    assert store.shown(table) == figures(changed)

    export.write(SECOND, [OCTOBER])
    export.write(FIRST, [SEPTEMBER[:1]], finished=False)
    direct.deliver(root, table)
    assert store.shown(table) == figures([*changed, *OCTOBER])

    export.write(SECOND, [restated(OCTOBER)])
    direct.deliver(root / export.latest, table)
    assert store.shown(table) == figures([*changed, *restated(OCTOBER)])

    entries = store.ledger(table)
    assert {entry["source"] for entry in entries} == {str(root / export.folder)}
    assert [entry["state"] for entry in entries] == ["committed"] * 4
    counts = ("added", "removed", "corrected", "unchanged")
    assert [tuple(entry["rows"][name] for name in counts) for entry in entries] == [
        (40, 0, 0, 0),
        (1, 1, 1, 39),
        (30, 0, 0, 40),
        (1, 1, 1, 29),
    ]
    assert all(entry["balanced"] for entry in entries)


def test_earlier_run_that_is_delivered_late_is_superseded(
    direct: Pipeline, store: Store, tmp_path: Path
) -> None:
    root, table = tmp_path / "bills", "azure_late"
    export = AzureExport(Disk(root))
    export.write(FIRST, [SEPTEMBER])
    earlier = export.latest
    export.write(FIRST, [restated(SEPTEMBER)])
    for source in (root, root / earlier):
        direct.deliver(source, table)
    assert [entry["state"] for entry in store.ledger(table)] == ["committed", "superseded"]
    assert store.shown(table) == figures(restated(SEPTEMBER))


def test_month_of_an_export_can_be_delivered_alone(
    direct: Pipeline, store: Store, tmp_path: Path
) -> None:
    root, table = tmp_path / "bills", "aws_months"
    export = AwsExport(Disk(root), keeps=True)
    export.write("2024-09", [SEPTEMBER])
    export.write("2024-10", [OCTOBER])
    direct.deliver(root, table)
    export.write("2024-09", [SEPTEMBER[:1]])
    changed = restated(OCTOBER)
    export.write("2024-10", [changed[:10], changed[10:]])
    direct.deliver(root, table, period="2024-10")
    assert store.shown(table) == figures([*SEPTEMBER, *changed])


@dataclass(frozen=True)
class Month:
    """A month of a provider, in its own spelling, on two days."""

    days: Sequence[Sequence[Row]]
    truths: Sequence[tuple[int, dict[str, Decimal]]]


@pytest.fixture(scope="module")
def months() -> dict[str, Month]:
    """A made-up month of each provider, and the truth about it."""
    made: dict[str, bytes] = {}
    estate = Estate(seed=3, rows=600, clouds=("aws", "azure", "oci"), spelling="native")
    for file in daily_files(estate, 2, whole=True):
        made[file.name] = b"".join(file.chunks)
    told = {report["file"]: report for report in json.loads(made.pop(TRUTH))["reports"]}
    return {
        cloud: Month([_rows(made[name]) for name in names], [_truth(told[name]) for name in names])
        for cloud in estate.clouds
        for names in [sorted(name for name in made if f"/{cloud}/" in name)]
    }


def _rows(content: bytes) -> list[dict[str, str]]:
    plain = gzip.decompress(content) if content.startswith(b"\x1f\x8b") else content
    return list(csv.DictReader(io.StringIO(plain.decode("utf-8-sig"), newline="")))


def _truth(report: Any) -> tuple[int, dict[str, Decimal]]:
    sums = report["sums"]["USD"]
    return report["rows"], {name: Decimal(sums[name]) for name in COSTS}


@contextmanager
def led_to(bucket: Bucket, home: Path) -> Iterator[Bucket]:
    """The environment of commands that may read a bucket, and no other."""
    with pytest.MonkeyPatch.context() as patched:
        forget_clouds(patched, home)
        for name, value in bucket.environment.items():
            patched.setenv(name, value)
        yield bucket


def test_month_of_aws_in_s3_without_the_chunk_that_stayed_behind(
    run: Run, store: Store, months: dict[str, Month], tmp_path: Path
) -> None:
    first, second = months["aws"].days
    with s3_server(tmp_path / "s3") as server, led_to(S3Bucket(server), tmp_path) as bucket:
        export, url = AwsExport(bucket), bucket.url("finops/acme-focus")
        export.write("2024-09", [first[:100], first[100:200], first[200:]])
        assert run(url, table="aws_month").status == 0
        assert store.shown("aws_month") == months["aws"].truths[0]
        export.write("2024-09", [second[:150], second[150:]])
        assert run(url, table="aws_month").status == 0
    assert store.shown("aws_month") == months["aws"].truths[1]
    assert {entry["source"] for entry in store.ledger("aws_month")} == {url}


def test_month_of_azure_in_its_blobs_with_the_run_before(
    direct: Pipeline, store: Store, months: dict[str, Month], tmp_path: Path
) -> None:
    with azure_server(tmp_path / "az") as server, led_to(AzureContainer(server), tmp_path) as blobs:
        export, url = AzureExport(blobs), blobs.url("costs/acme-focus")
        for rows, truth in zip(months["azure"].days, months["azure"].truths, strict=True):
            export.write(FIRST, [rows[:120], rows[120:]])
            direct.deliver(url, "azure_month")
            assert store.shown("azure_month") == truth


def test_month_of_oracle_by_day_in_google_with_late_charges(
    direct: Pipeline, store: Store, months: dict[str, Month], tmp_path: Path
) -> None:
    rows = months["oci"].days[0]
    files = {
        "2024/09/30/0001": rows[:30],
        "2024/09/30/0002": rows[30:50],
        "2024/10/03/0001": rows[50:],
    }
    with s3_server(tmp_path / "gs") as server, led_to(XmlGoogleBucket(server), tmp_path) as bucket:
        url = bucket.url("FOCUS Reports")
        for path, some in files.items():
            bucket.put(f"FOCUS Reports/{path}.csv.gz", gzip.compress(csv_bytes(some)))
            if path.endswith("0001"):
                direct.deliver(url, "oracle_month")
    assert store.shown("oracle_month") == months["oci"].truths[0]


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
