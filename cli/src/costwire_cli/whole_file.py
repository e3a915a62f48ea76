"""Writing a file that appears whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from costwire_cli.errors import WRONG_USE, CommandError

_PART = ".part"


def is_special(path: Path) -> bool:
    """Whether it is there and no regular file: a pipe, a terminal, a device."""
    return path.exists() and not path.is_file()


def write_whole(path: Path, pieces: Iterable[bytes]) -> None:
    """Write the pieces beside the file, and put that in its place; raises `CommandError`.

    A link stays, and what it leads to is written. What is no regular file is written to as it is.
    """
    try:
        if is_special(path):
            _write(path, pieces)
            return
        file = Path(os.path.realpath(path))
        waiting = file.with_name(file.name + _PART)
        try:
            _write(waiting, pieces)
            waiting.replace(file)
        finally:
            waiting.unlink(missing_ok=True)
    except OSError as error:
        raise CommandError(f"write {path}: {error.strerror or error}", status=WRONG_USE) from error


def _write(path: Path, pieces: Iterable[bytes]) -> None:
    with path.open("wb") as file:
        for piece in pieces:
            file.write(piece)
