"""Which files of a folder are parts of a report."""

import pytest

from costwire_sources.naming import judge_head, judge_name, nearest_names


@pytest.mark.parametrize(
    "name",
    ["a.csv", "A.CSV", "a.csv.gz", "a.csv.zst", "part-0.snappy.parquet", "_a.csv", "manifest.csv"],
)
def test_reports_are_known_by_their_name(name: str) -> None:
    assert judge_name(name) is True


@pytest.mark.parametrize(
    "name", [".a.csv", "manifest.json", "README.md", "_metadata", "part.parquet.crc", "all.tar.gz"]
)
def test_hidden_files_and_documents_are_no_reports(name: str) -> None:
    assert judge_name(name) is False


@pytest.mark.parametrize(
    ("head", "verdict"),
    [(b"\x1f\x8b\x08\x00", True), (b"PAR1", True), (b"\x28\xb5\x2f\xfd", True), (b"Bill", False)],
    ids=["gzip", "parquet", "zstd", "text"],
)
def test_files_of_other_names_are_judged_by_their_content(head: bytes, verdict: bool) -> None:
    assert judge_name("export-0001") is None
    assert judge_head(head) is verdict


def test_nearest_names_ignore_case() -> None:
    assert nearest_names("REPROT.csv", ["report.csv", "other.txt"]) == ["report.csv"]
