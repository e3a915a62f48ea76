"""What exporters keep is found again, by one command at a time, and not for ever."""

import fcntl
import os
import time
from pathlib import Path

from costwire_cli.kept import FOLDER, UNUSED_SECONDS, Kept

SETTINGS = {"SOURCE": "bill.csv", "TABLE": "charges", "PORT": "0"}


def test_same_settings_have_the_same_folder_whatever_the_port(tmp_path: Path) -> None:
    with Kept(tmp_path) as kept:
        first = kept.take(SETTINGS)
    with Kept(tmp_path) as kept:
        assert kept.take(SETTINGS | {"PORT": "2112"}) == first
        assert kept.take(SETTINGS | {"TABLE": "others"}) not in (first, None)


def test_folder_that_another_command_uses_is_not_taken(tmp_path: Path) -> None:
    with Kept(tmp_path) as one, Kept(tmp_path) as other:
        assert one.take(SETTINGS) is not None
        assert other.take(SETTINGS) is None
        assert other.take(SETTINGS | {"SOURCE": "other.csv"}) is not None


def test_folder_of_an_exporter_that_has_not_ended_yet_is_not_taken(tmp_path: Path) -> None:
    with Kept(tmp_path) as kept:
        folder = kept.take(SETTINGS)
    assert folder is not None
    with (folder / "lock").open("ab") as exporters:
        fcntl.flock(exporters, fcntl.LOCK_EX)
        with Kept(tmp_path) as kept:
            assert kept.take(SETTINGS) is None
    with Kept(tmp_path) as kept:
        assert kept.take(SETTINGS) == folder


def test_folder_that_was_not_used_for_long_is_removed_unless_it_is_in_use(tmp_path: Path) -> None:
    with Kept(tmp_path) as kept:
        folder = kept.take(SETTINGS)
        assert folder is not None
        (folder / "delivery").write_text("rendered")
        long_ago = time.time() - UNUSED_SECONDS - 60
        os.utime(folder / "costwire.lock", (long_ago, long_ago))
        with Kept(tmp_path):
            assert (folder / "delivery").exists()
    with Kept(tmp_path):
        assert [*(tmp_path / FOLDER).iterdir()] == []


def test_folder_that_is_used_now_and_then_stays(tmp_path: Path) -> None:
    with Kept(tmp_path) as kept:
        folder = kept.take(SETTINGS)
        assert folder is not None
    long_ago = time.time() - UNUSED_SECONDS + 3_600
    os.utime(folder / "costwire.lock", (long_ago, long_ago))
    with Kept(tmp_path) as kept:
        assert kept.take(SETTINGS) == folder
    assert time.time() - (folder / "costwire.lock").stat().st_mtime < 3_600
