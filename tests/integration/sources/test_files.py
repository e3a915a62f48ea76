"""Reports on a real disk: what is found, when it has changed, and what a user is told."""

import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from costwire_sources import Part, open_source
from costwire_sources.errors import NotFound, SourceChanged, Unreadable
from costwire_sources.source import Reading, State

LONG_AGO = datetime(2024, 12, 11, 10, 0, 0, 123_000, tzinfo=UTC)


def write(path: Path, content: bytes = b"BilledCost\n1\n", at: datetime = LONG_AGO) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    nanoseconds = int(at.timestamp() * 1000) * 10**6
    os.utime(path, ns=(nanoseconds, nanoseconds))
    return path


def read(where: Path | str, previous: State | None = None) -> Reading:
    reading = open_source(str(where)).poll(previous)
    assert reading is not None
    return reading


def content_of(part: Part) -> bytes:
    with part.open() as stream:
        return stream.read()


def test_file_is_one_part_and_its_time_the_generation(tmp_path: Path) -> None:
    reading = read(write(tmp_path / "bill.csv", b"abc"))
    (part,) = reading.parts
    assert (part.name, part.size, content_of(part)) == ("bill.csv", 3, b"abc")
    assert reading.generation == LONG_AGO


def test_unchanged_file_is_not_read_again(tmp_path: Path) -> None:
    file = write(tmp_path / "bill.csv")
    assert open_source(str(file)).poll(read(file).state) is None


@pytest.mark.parametrize("how", ["grown", "touched", "replaced", "same size and time"])
def test_rewritten_file_is_noticed(tmp_path: Path, how: str) -> None:
    file = write(tmp_path / "bill.csv")
    state = read(file).state
    if how == "grown":
        write(file, b"BilledCost\n1\n2\n")
    elif how == "touched":
        write(file, at=datetime(2024, 12, 12, tzinfo=UTC))
    elif how == "replaced":
        write(tmp_path / "new").replace(file)
    else:
        write(file, b"BilledCost\n2\n")
    assert open_source(str(file)).poll(state) is not None


def test_file_written_a_moment_ago_is_looked_at_once_more(tmp_path: Path) -> None:
    file = write(tmp_path / "bill.csv", at=datetime.now(UTC))
    state = read(file).state
    assert open_source(str(file)).poll(state) is not None


def test_folder_holds_reports_in_sorted_order(tmp_path: Path) -> None:
    for name in ("b/2.csv.gz", "a/1.parquet", "c.csv"):
        write(tmp_path / name)
    for name in (".hidden.csv", ".x/a.csv", "_log/0.parquet", "manifest.json", "notes", "_SUCCESS"):
        write(tmp_path / name)
    write(tmp_path / "export-1", b"\x1f\x8b\x08rest")
    parts = read(tmp_path).parts
    assert [part.name for part in parts] == ["a/1.parquet", "b/2.csv.gz", "c.csv", "export-1"]


def test_newest_file_of_a_folder_is_its_generation(tmp_path: Path) -> None:
    newest = datetime(2025, 1, 2, 3, 4, 5, tzinfo=UTC)
    write(tmp_path / "a.csv")
    write(tmp_path / "b.csv", at=newest)
    assert read(tmp_path).generation == newest


def test_part_that_joins_a_folder_is_noticed(tmp_path: Path) -> None:
    write(tmp_path / "a.csv")
    state = read(tmp_path).state
    write(tmp_path / "b.csv")
    assert open_source(str(tmp_path)).poll(state) is not None


def test_glob_names_its_parts_relative_to_the_fixed_folder(tmp_path: Path) -> None:
    for name in ("2024-09/a.csv", "2024-10/a.csv", "2025-01/a.csv"):
        write(tmp_path / name)
    parts = read(f"{tmp_path}/2024-*/*.csv").parts
    assert [part.name for part in parts] == ["2024-09/a.csv", "2024-10/a.csv"]


def test_file_whose_name_looks_like_a_glob_is_a_file(tmp_path: Path) -> None:
    assert read(write(tmp_path / "bill[1].csv")).parts[0].name == "bill[1].csv"


def test_file_mounted_through_links_is_read(tmp_path: Path) -> None:
    write(tmp_path / "..2024_1/bill.csv", b"abc")
    (tmp_path / "..data").symlink_to("..2024_1")
    (tmp_path / "bill.csv").symlink_to("..data/bill.csv")
    assert [part.name for part in read(tmp_path).parts] == ["bill.csv"]


def test_file_rewritten_between_poll_and_reading_is_not_read(tmp_path: Path) -> None:
    file = write(tmp_path / "bill.csv")
    (part,) = read(file).parts
    write(file, b"BilledCost\n2\n")
    with pytest.raises(SourceChanged, match="rename it into place") as caught:
        content_of(part)
    assert caught.value.transient


@pytest.mark.parametrize("how", ["appended", "replaced", "removed"])
def test_file_that_changes_while_it_is_read_is_noticed(tmp_path: Path, how: str) -> None:
    file = write(tmp_path / "bill.csv")
    (part,) = read(file).parts
    with part.open() as stream:
        stream.read()
        if how == "appended":
            with file.open("ab") as more:
                more.write(b"2\n")
        elif how == "replaced":
            write(tmp_path / "new").replace(file)
        else:
            file.unlink()
    with pytest.raises(SourceChanged):
        part.verify()


def test_part_that_did_not_change_verifies(tmp_path: Path) -> None:
    (part,) = read(write(tmp_path / "bill.csv")).parts
    content_of(part)
    part.verify()


def test_mistyped_file_is_answered_with_the_nearest_name(tmp_path: Path) -> None:
    write(tmp_path / "focus_sample.csv")
    with pytest.raises(NotFound, match=r"no such file or folder; did you mean focus_sample\.csv\?"):
        read(tmp_path / "focus_smaple.csv")


def test_mistyped_folder_is_answered_with_the_nearest_folder(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match=f"there is no folder {tmp_path}/x; the nearest one is"):
        read(tmp_path / "x" / "bill.csv")


def test_empty_folder_is_told_with_what_it_may_hold(tmp_path: Path) -> None:
    write(tmp_path / "manifest.json")
    with pytest.raises(NotFound, match="holds no report; it may hold"):
        read(tmp_path)


def test_glob_without_matches_is_told(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="no report matches this pattern"):
        read(f"{tmp_path}/*.csv")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything; run as another user")
def test_forbidden_file_is_told(tmp_path: Path) -> None:
    file = write(tmp_path / "bill.csv")
    file.chmod(0)
    with pytest.raises(Unreadable, match="permission denied"):
        content_of(read(file).parts[0])


def test_what_the_system_refuses_is_told_in_its_words(tmp_path: Path) -> None:
    with pytest.raises(Unreadable, match="File name too long"):
        read(tmp_path / ("x" * 300))


def test_what_is_neither_file_nor_folder_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "bill.csv")
    with pytest.raises(Unreadable, match="neither a file nor a folder"):
        read(tmp_path / "bill.csv")
