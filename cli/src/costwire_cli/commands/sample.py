"""`costwire sample`: reports of a made-up estate, the same from the same seed."""

from __future__ import annotations

from argparse import Namespace
from dataclasses import replace
from pathlib import Path

from costwire_cli.errors import SETTLED, CommandError
from costwire_cli.output import say
from costwire_focus.estates import Estate, files


def run(args: Namespace) -> int:
    """Write the reports and the truth about them."""
    estate = Estate(seed=args.seed, rows=args.rows)
    if args.focus_version:
        estate = replace(estate, focus_version=args.focus_version)
    for path, size in write_estate(estate, args.out):
        say(f"{path}  {size:,} bytes")
    return SETTLED


def write_estate(estate: Estate, folder: Path) -> list[tuple[Path, int]]:
    """Write every file of an estate; gives the paths and sizes in order."""
    written = []
    try:
        for name, chunks in files(estate):
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("wb") as file:
                size = sum(file.write(chunk) for chunk in chunks)
            written.append((path, size))
    except OSError as error:
        raise CommandError(f"write {error.filename or folder}: {error.strerror}") from error
    return written
