"""A disk of a few megabytes that a test may fill, where this machine lets us mount one."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


class SmallDisk:
    """A tmpfs that can change its size, and what may be done with it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def resize(self, mebibytes: int) -> None:
        """What is there stays."""
        self._remount(f"size={mebibytes}m")

    def protect(self) -> None:
        """Nothing can be written any more; no file may be open."""
        self._remount("ro")

    def _remount(self, how: str) -> None:
        subprocess.run(["mount", "-o", f"remount,{how}", str(self.folder)], check=True)


@contextmanager
def small_disk(folder: Path, mebibytes: int) -> Iterator[SmallDisk]:
    """Mount a disk at this folder; skips the test where that is not allowed."""
    folder.mkdir(parents=True)
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={mebibytes}m", "tmpfs", str(folder)],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        pytest.skip(f"a small disk: only root may mount one ({done.stderr.strip()})")
    try:
        yield SmallDisk(folder)
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)
