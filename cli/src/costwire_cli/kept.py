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
from collections.abc import Mapping
from contextlib import ExitStack
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
        self.remove_unused()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._taken.close()

    def take(self, settings: Mapping[str, str]) -> Path | None:
        """The folder for an exporter of these settings; None while another command uses it."""
        told = {name: value for name, value in settings.items() if name not in _OF_THE_RUN}
        digest = hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()
        folder = self._folder / digest[:_NAME_LENGTH]
        folder.mkdir(parents=True, exist_ok=True)
        lock = _locked(folder / _LOCK_FILE)
        if lock is None:
            return None
        self._taken.enter_context(lock)
        os.utime(lock.fileno())
        # The exporter of a command that was killed may take a moment to end.
        exporters = _locked(folder / _EXPORTERS_LOCK_FILE)
        if exporters is None:
            return None
        exporters.close()
        return folder

    def remove_unused(self, seconds: float = UNUSED_SECONDS) -> None:
        """Remove folders that no command uses, or has used within these seconds."""
        oldest = time.time() - seconds
        for file in self._folder.glob(f"*/{_LOCK_FILE}"):
            if file.stat().st_mtime <= oldest and (lock := _locked(file)) is not None:
                with lock:
                    shutil.rmtree(file.parent, ignore_errors=True)


def _locked(path: Path) -> IO[bytes] | None:
    """A lock file, locked as long as it is open; None when another has it locked."""
    file = path.open("ab")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        return None
    return file
