"""Folders in which the exporters of `costwire run` keep what they rendered, for the next run.

A source that did not change since is served from there, without being read again. Nothing is lost
with such a folder: the next run reads its source.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack
from importlib.metadata import version
from pathlib import Path
from typing import IO, Self

FOLDER = "exporters"
UNUSED_SECONDS = 40 * 86_400
"""A folder that no command has used for longer is removed: a month's report and some days."""
_LOCK_FILE, _EXPORTERS_LOCK_FILE = "costwire.lock", "lock"
_NAME_LENGTH = 16
_OF_THE_RUN = ("PORT",)


class Kept:
    """The folders of one data folder; those taken are this command's until it ends."""

    def __init__(self, data: Path) -> None:
        self._folder = data / FOLDER
        self._taken = ExitStack()

    def __enter__(self) -> Self:
        oldest = time.time() - UNUSED_SECONDS
        self._remove(folder for folder in self._folders() if _last_used(folder) < oldest)
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._taken.close()

    def take(self, settings: Mapping[str, str]) -> Path | None:
        """The folder for an exporter of these settings.

        None while another command uses it, and where it cannot be had: nothing depends on it.
        """
        told = {name: value for name, value in settings.items() if name not in _OF_THE_RUN}
        told["costwire"] = version("costwire")  # another one may read and judge otherwise
        digest = hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()
        folder = self._folder / digest[:_NAME_LENGTH]
        try:
            folder.mkdir(parents=True, exist_ok=True)
            lock = self._taken.enter_context(_locked(folder / _LOCK_FILE))
            self._taken.callback(os.utime, lock.fileno())
            os.utime(lock.fileno())
            # The exporter of a command that was killed may take a moment to end.
            _locked(folder / _EXPORTERS_LOCK_FILE).close()
        except OSError:
            return None
        return folder

    def remove_all(self) -> list[Path]:
        """Remove every folder; gives those that are in use, or cannot be removed."""
        return self._remove(self._folders())

    def _folders(self) -> Iterator[Path]:
        return self._folder.glob("*")

    def _remove(self, folders: Iterable[Path]) -> list[Path]:
        left = []
        for folder in folders:
            try:
                with _locked(folder / _LOCK_FILE):
                    shutil.rmtree(folder)
            except OSError:
                left.append(folder)
        return left


def _last_used(folder: Path) -> float:
    """Unix seconds; 0 of one that was removed in part."""
    try:
        return (folder / _LOCK_FILE).stat().st_mtime
    except OSError:
        return 0.0


def _locked(path: Path) -> IO[bytes]:
    """A lock file, locked as long as it is open; raises OSError when that cannot be."""
    file = path.open("ab")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.fstat(file.fileno()).st_ino != path.stat().st_ino:
            raise BlockingIOError(f"lock {path}: it was removed meanwhile")
    except OSError:
        file.close()
        raise
    return file
