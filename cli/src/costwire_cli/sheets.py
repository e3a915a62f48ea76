"""Sheets of quarantined rows as files: written in several where they are long, read, filled in."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain, islice
from pathlib import Path

from costwire_cli.errors import WRONG_USE, CommandError
from costwire_cli.whole_file import write_whole
from costwire_focus.csv_line import csv_line
from costwire_focus.sheets import MOST_ROWS, RAW, REASON, ROW


def write_sheets(path: Path, pieces: Iterable[bytes], most_rows: int = MOST_ROWS) -> list[Path]:
    """Write a sheet, and where it has more rows than one may have, `fix-2.csv` beside `fix.csv`.

    `pieces`: of the whole sheet. Each file appears whole or not at all; raises `CommandError`.
    """
    rows = _rows(pieces)
    header = next(rows, b"")
    paths: list[Path] = []
    first = next(rows, b"")
    while first or not paths:
        number = len(paths) + 1
        paths.append(path.with_stem(f"{path.stem}-{number}") if paths else path)
        write_whole(paths[-1], chain((header, first), islice(rows, most_rows - 1)))
        first = next(rows, b"")
    return paths


def _rows(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """The rows of a CSV, header and line ends included; a quoted cell may have line ends too."""
    row: list[bytes] = []
    is_quoted = False
    for line in _lines(pieces):
        row.append(line)
        is_quoted ^= line.count(b'"') % 2 == 1
        if not is_quoted:
            yield b"".join(row)
            row = []
    if row:
        yield b"".join(row)


def _lines(pieces: Iterable[bytes]) -> Iterator[bytes]:
    rest = b""
    for piece in pieces:
        *whole, rest = (rest + piece).split(b"\n")
        yield from (line + b"\n" for line in whole)
    if rest:
        yield rest


def read_sheet(sheet: Path) -> bytes:
    """The bytes of a sheet; raises `CommandError`."""
    try:
        return sheet.read_bytes()
    except OSError as error:
        raise CommandError(f"read {sheet}: {error.strerror}", status=WRONG_USE) from error


def put(sheet: bytes, values: Mapping[str, str], rule: str | None) -> tuple[int, bytes]:
    """Put values into the rows of a sheet, or into those that broke a rule; gives how many."""
    try:
        lines = [*csv.reader(io.StringIO(sheet.decode("utf-8-sig"), newline=""), strict=True)]
    except (UnicodeDecodeError, csv.Error) as wrong:
        raise CommandError(f"read the sheet: it is no CSV in UTF-8 ({wrong})") from wrong
    header = lines[0] if lines else []
    if ROW not in header or REASON not in header:
        raise CommandError(f"read the sheet: it has no columns {ROW} and {REASON}; export it anew")
    for name in values:
        if name not in header or name in (ROW, REASON, RAW):
            raise CommandError(f"fix: the sheet has no column {name!r} to be set", status=WRONG_USE)
    reason, changed = header.index(REASON), 0
    places = {header.index(name): value for name, value in values.items()}
    for line in lines[1:]:
        fits = len(line) == len(header) and (not rule or line[reason].startswith(f"{rule}: "))
        if fits and any(line[at] != value for at, value in places.items()):
            changed += 1
            for at, value in places.items():
                line[at] = value
    return changed, "".join(map(_line, lines)).encode()


def _line(cells: Sequence[str]) -> str:
    return csv_line([cell or None for cell in cells])
