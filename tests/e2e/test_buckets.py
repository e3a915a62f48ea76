"""A report in a bucket, through the whole pipeline as one on disk."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.support.commands import Run, costwire_here
from tests.support.object_stores import PublicS3Bucket, S3Bucket, forget_clouds, s3_server
from tests.support.reports import numbered, sums, write_report
from tests.support.store import Store


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A store of the S3 protocol."""
    with s3_server(tmp_path_factory.mktemp("s3")) as url:
        yield url


@pytest.fixture
def bucket(server: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> S3Bucket:
    """An empty bucket that commands may read."""
    made = S3Bucket(server)
    forget_clouds(monkeypatch, tmp_path)
    for name, value in made.environment.items():
        monkeypatch.setenv(name, value)
    return made


def test_folder_of_a_bucket_is_delivered_whole_and_again_when_it_changed(
    bucket: S3Bucket, run: Run, store: Store, tmp_path: Path
) -> None:
    rows = numbered(40)
    for number, half in enumerate((rows[:20], rows[20:])):
        path = write_report(tmp_path / "part.csv", half)
        bucket.put(f"exports/2024-09/part-{number}.csv", path.read_bytes())
    bucket.put("exports/2024-09/manifest.json", b"{}")
    url = bucket.url("exports/2024-09")
    first = run(url, table="of_a_bucket")
    assert first.status == 0, first.err
    assert "40 read = 40 stored + 0 quarantined" in first.out
    (entry,) = store.ledger("of_a_bucket")
    assert entry["source"] == url
    assert store.shown("of_a_bucket") == (40, sums(rows)["USD"])

    rows[3] = rows[3] | {"BilledCost": "7.25"}
    path = write_report(tmp_path / "part.csv", rows[:20])
    bucket.put("exports/2024-09/part-0.csv", path.read_bytes())
    assert run(url, table="of_a_bucket").status == 0
    assert store.shown("of_a_bucket") == (40, sums(rows)["USD"])


def test_report_in_a_bucket_is_validated(bucket: S3Bucket, tmp_path: Path) -> None:
    path = write_report(tmp_path / "bill.csv", numbered(30))
    bucket.put("bill.csv", path.read_bytes())
    in_bucket = costwire_here("validate", bucket.url("bill.csv"), "--format", "json")
    on_disk = costwire_here("validate", path, "--format", "json")
    assert in_bucket.status == on_disk.status
    assert in_bucket.json() | {"source": ""} == on_disk.json() | {"source": ""}


def test_mistyped_key_is_told_before_anything_starts(bucket: S3Bucket, tmp_path: Path) -> None:
    bucket.put("bill.csv", b"BilledCost\n1\n")
    done = costwire_here("run", bucket.url("bil.csv"), "--once", "--data", tmp_path / "data")
    assert done.status == 1
    assert "there is no such object or folder; did you mean bill.csv?" in done.err
    assert not (tmp_path / "data").exists()


def test_public_bucket_is_read_without_credentials(
    server: str, run: Run, store: Store, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    forget_clouds(monkeypatch, tmp_path)
    bucket = PublicS3Bucket(server)
    bucket.put("bill.csv", write_report(tmp_path / "bill.csv", numbered(30)).read_bytes())
    monkeypatch.setenv("AWS_ENDPOINT_URL", server)
    refused = run(bucket.url("bill.csv"), table="of_the_public")
    assert (refused.status, "no credentials were found" in refused.err) == (1, True)
    assert run(bucket.url("bill.csv"), "--anonymous", table="of_the_public").status == 0
    assert store.shown("of_the_public")[0] == 30
