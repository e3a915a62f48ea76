"""`costwire sample`: reports of a made-up estate, the same from the same seed."""

from __future__ import annotations

import os
from argparse import Namespace
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from costwire_cli.errors import SETTLED, WRONG_USE, CommandError
from costwire_cli.output import say
from costwire_focus.estates import Estate, daily_files, files


def run(args: Namespace) -> int:
    """Write the reports and the truth about them."""
    estate = Estate(seed=args.seed, rows=args.rows)
    if args.focus_version:
        estate = replace(estate, focus_version=args.focus_version)
    if args.whole and not args.days:
        raise CommandError(
            "sample --whole: say how many deliveries with --days N", status=WRONG_USE
        )
    written = write_days(estate, args) if args.days else write_estate(estate, args.out)
    for path, size in written:
        say(f"{path}  {size:,} bytes")
    return SETTLED


def write_estate(estate: Estate, folder: Path) -> list[tuple[Path, int]]:
    """Write every file of an estate; gives the paths and sizes in order."""
    return [_write(folder / name, chunks, folder) for name, chunks in files(estate)]


def write_days(estate: Estate, args: Namespace) -> list[tuple[Path, int]]:
    """Write each report as it is on each day, in a folder a day, files of later days newer."""
    written = []
    for file in daily_files(estate, args.days, whole=args.whole):
        path, size = _write(args.out / file.name, file.chunks, args.out)
        if file.written is not None:
            at = file.written.timestamp()
            os.utime(path, (at, at))
        written.append((path, size))
    return written


def _write(path: Path, chunks: Iterator[bytes], folder: Path) -> tuple[Path, int]:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("wb") as file:
            return path, sum(file.write(chunk) for chunk in chunks)
    except OSError as error:
        raise CommandError(f"write {error.filename or folder}: {error.strerror}") from error
