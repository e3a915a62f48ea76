"""What exporters keep is found again, by one command at a time, and not for ever."""

import fcntl
import os
import shutil
import time
from pathlib import Path

import pytest

from costwire_cli import kept as module
from costwire_cli.kept import FOLDER, UNUSED_SECONDS, Kept

SETTINGS = {"SOURCE": "bill.csv", "TABLE": "charges", "PORT": "0"}


def used(folder: Path, seconds_ago: float) -> None:
    """Set when a folder was used last."""
    at = time.time() - seconds_ago
    os.utime(folder / "costwire.lock", (at, at))


def taken(data: Path) -> Path:
    """A folder that a command took before."""
    with Kept(data) as kept:
        folder = kept.take(SETTINGS)
    assert folder is not None
    return folder


def test_same_settings_have_the_same_folder_whatever_the_port(tmp_path: Path) -> None:
    first = taken(tmp_path)
    with Kept(tmp_path) as kept:
        assert kept.take(SETTINGS | {"PORT": "2112"}) == first
        assert kept.take(SETTINGS | {"TABLE": "others"}) not in (first, None)


def test_another_version_of_costwire_renders_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = taken(tmp_path)
    monkeypatch.setattr(module, "version", lambda _: "99.0")
    assert taken(tmp_path) != first


def test_folder_that_another_command_uses_is_not_taken(tmp_path: Path) -> None:
    with Kept(tmp_path) as one, Kept(tmp_path) as other:
        assert one.take(SETTINGS) is not None
        assert other.take(SETTINGS) is None
        assert other.take(SETTINGS | {"SOURCE": "other.csv"}) is not None


def test_folder_of_an_exporter_that_has_not_ended_yet_is_not_taken(tmp_path: Path) -> None:
    folder = taken(tmp_path)
    with (folder / "lock").open("ab") as exporters:
        fcntl.flock(exporters, fcntl.LOCK_EX)
        with Kept(tmp_path) as kept:
            assert kept.take(SETTINGS) is None
    assert taken(tmp_path) == folder


def test_run_goes_on_where_nothing_can_be_kept(tmp_path: Path) -> None:
    (tmp_path / FOLDER).write_text("a file stands in the way")
    with Kept(tmp_path) as kept:
        assert kept.take(SETTINGS) is None


def test_folder_that_was_not_used_for_long_is_removed_unless_it_is_in_use(tmp_path: Path) -> None:
    with Kept(tmp_path) as kept:
        folder = kept.take(SETTINGS)
        assert folder is not None
        used(folder, UNUSED_SECONDS + 60)
        with Kept(tmp_path):
            assert folder.exists()
    used(folder, UNUSED_SECONDS + 60)
    with Kept(tmp_path):
        assert not folder.exists()


def test_folder_that_was_used_of_late_stays(tmp_path: Path) -> None:
    folder = taken(tmp_path)
    used(folder, UNUSED_SECONDS - 3_600)
    with Kept(tmp_path) as kept:
        assert kept.take(SETTINGS) == folder
        used(folder, UNUSED_SECONDS + 60)  # a run that stays for so long
    with Kept(tmp_path):
        assert folder.exists()


def test_all_folders_are_removed_but_those_in_use_which_are_told(tmp_path: Path) -> None:
    free = taken(tmp_path)
    shutil.copytree(free, half := free.with_name("half"))
    (half / "costwire.lock").unlink()
    with Kept(tmp_path) as kept:
        busy = kept.take(SETTINGS | {"SOURCE": "other.csv"})
        assert Kept(tmp_path).remove_all() == [busy]
        assert [*(tmp_path / FOLDER).iterdir()] == [busy]


def test_folder_that_is_removed_while_it_is_taken_is_not_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = taken(tmp_path)
    flock = fcntl.flock

    def removed_first(file: object, how: int) -> None:
        shutil.rmtree(folder)
        flock(file, how)  # type: ignore[arg-type]

    with Kept(tmp_path) as kept, monkeypatch.context() as patch:
        patch.setattr(fcntl, "flock", removed_first)
        assert kept.take(SETTINGS) is None
    assert taken(tmp_path) == folder
