"""Folders of one `costwire run`: for logs and renderings, which stay, and for scratch files."""

from __future__ import annotations

import os
import shutil
import tempfile
from argparse import Namespace
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from costwire_cli.kept import Kept

_PREFIX = "run-"


@dataclass(frozen=True)
class Folders:
    """Where a run keeps its files."""

    logs: Path
    scratch: Path
    kept: Kept | None = None
    """None without a data folder."""


@contextmanager
def folders(args: Namespace) -> Iterator[Folders]:
    """Folders in the data folder; with `--store`, in the system's temporary one."""
    if args.store is not None:
        with tempfile.TemporaryDirectory(prefix="costwire-") as scratch:
            yield Folders(Path(scratch) / "logs", Path(scratch))
        return
    args.data.mkdir(parents=True, exist_ok=True)
    _remove_abandoned(args.data)
    prefix = f"{_PREFIX}{os.getpid()}-"
    with (
        tempfile.TemporaryDirectory(prefix=prefix, dir=args.data) as scratch,
        Kept(args.data) as kept,
    ):
        yield Folders(args.data / "logs", Path(scratch), kept)


def _remove_abandoned(data: Path) -> None:
    """Remove what runs that were killed left behind."""
    for folder in data.glob(f"{_PREFIX}*-*"):
        owner = folder.name.removeprefix(_PREFIX).partition("-")[0]
        if owner.isdecimal() and not _is_running(int(owner)):
            shutil.rmtree(folder, ignore_errors=True)


def _is_running(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
