"""Which files of a folder are parts of a report."""

import gzip

import pytest

from costwire_sources.naming import judge_head, judge_name, nearest_names


@pytest.mark.parametrize(
    "name",
    [
        "a.tsv",
        "a.ndjson.gz",
        "a.jsonl",
        "a.csv.bz2",
        "a.zip",
        "a.csv",
        "A.CSV",
        "a.csv.gz",
        "a.csv.zst",
        "part-0.snappy.parquet",
        "_a.csv",
        "manifest.csv",
    ],
)
def test_reports_are_known_by_their_name(name: str) -> None:
    assert judge_name(name) is True


@pytest.mark.parametrize(
    "name",
    [
        ".a.csv",
        "a-Manifest.json",
        "manifest.json",
        "README.md",
        "_metadata",
        "part.parquet.crc",
        "all.tar.gz",
        "all.tar.bz2",
    ],
)
def test_hidden_files_and_documents_are_no_reports(name: str) -> None:
    assert judge_name(name) is False


@pytest.mark.parametrize(
    ("head", "verdict"),
    [
        (b"\x1f\x8b\x08\x00", True),
        (b"PAR1", True),
        (b"\x28\xb5\x2f\xfd", True),
        (b"BZh91AY&SY", True),
        (b"Bill", False),
    ],
    ids=["gzip", "parquet", "zstd", "bzip2", "text"],
)
def test_files_of_other_names_are_judged_by_their_content(head: bytes, verdict: bool) -> None:
    assert judge_name("export-0001") is None
    assert judge_head("export-0001", head) is verdict


@pytest.mark.parametrize(
    ("head", "verdict"),
    [
        pytest.param(b'[{"BilledCost": 1}]', True, id="list"),
        pytest.param(b"\xef\xbb\xbf[\n {\n", True, id="list on lines, with a mark"),
        pytest.param(b'{"BilledCost": 1}\n{', True, id="lines"),
        pytest.param(gzip.compress(b'{"Tags": {}, "BilledCost": 1}\n'), True, id="packed lines"),
        pytest.param(gzip.compress(b'{"a": 1}'), False, id="packed document"),
        pytest.param(b"\x1f\x8bbroken", True, id="damaged, which the reader tells"),
        pytest.param(b'{\n "reports": [{"BilledCost": 1}]', False, id="document"),
        pytest.param(b'{"columns": ["BilledCost"]}', False, id="list of columns"),
        pytest.param(b"[1, 2]", False, id="list of numbers"),
        pytest.param(b"", False, id="empty"),
    ],
)
def test_json_is_a_part_where_it_holds_charges(head: bytes, verdict: bool) -> None:
    assert judge_name("bills-000000000000.json") is None
    assert judge_head("bills.json.gz" if head[:1] == b"\x1f" else "bills.json", head) is verdict


def test_nearest_names_ignore_case() -> None:
    assert nearest_names("REPROT.csv", ["report.csv", "other.txt"]) == ["report.csv"]
