"""The folder of a spool: gone with its owner, or taken away by whoever comes after a kill."""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_PREFIX = "costwire-scraper-"


@contextmanager
def spool_folder(parent: Path | None) -> Iterator[Path]:
    """A new folder below `parent` (default: the system's for temporary files)."""
    base = Path(parent or tempfile.gettempdir())
    _clear(base)
    with tempfile.TemporaryDirectory(prefix=_PREFIX, dir=base) as folder, _locked(Path(folder)):
        yield Path(folder)


def _clear(base: Path) -> None:
    """Remove the folders of processes that are no more: a kill leaves a whole report on disk."""
    for folder in base.glob(f"{_PREFIX}*"):
        # Another user's, or one whose owner is at work.
        with suppress(OSError), _locked(folder):
            shutil.rmtree(folder)


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Hold a folder for as long as this process lives; raises `OSError` when another does."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    finally:
        os.close(descriptor)
