"""Writing a file that appears whole or not at all."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from costwire_cli.errors import WRONG_USE, CommandError

_PART = ".part"


def write_whole(path: Path, pieces: Iterable[bytes]) -> None:
    """Write the pieces beside the file, and put that in its place; raises `CommandError`."""
    waiting = path.with_name(path.name + _PART)
    try:
        with waiting.open("wb") as file:
            for piece in pieces:
                file.write(piece)
        waiting.replace(path)
    except OSError as error:
        raise CommandError(f"write {path}: {error.strerror or error}", status=WRONG_USE) from error
    finally:
        waiting.unlink(missing_ok=True)
