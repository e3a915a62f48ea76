"""Sheets of quarantined rows as files: written in several where they are long, read, filled in."""

from __future__ import annotations

from codecs import BOM_UTF8
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain, islice
from pathlib import Path

from costwire_cli.csv_cells import NoCsv, records, value
from costwire_cli.errors import WRONG_USE, CommandError
from costwire_cli.whole_file import write_whole
from costwire_focus.csv_line import SEPARATORS, csv_cell
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
    """Put values into the rows of a sheet, or into those that broke a rule; gives how many.

    Every other cell stays as it is, to the byte. Raises `CommandError`.
    """
    text = sheet.removeprefix(BOM_UTF8)
    try:
        text.decode()
        separator, header = _header(text)
        lines = [*records(text, separator)]
    except (UnicodeDecodeError, NoCsv) as wrong:
        raise CommandError(f"read the sheet: it is no CSV in UTF-8 ({wrong})") from wrong
    for name in values:
        if name not in header or name in (ROW, REASON, RAW):
            raise CommandError(f"fix: the sheet has no column {name!r} to be set", status=WRONG_USE)
    reason, changed = header.index(REASON), 0
    wanted = {header.index(name): text or None for name, text in values.items()}
    cells = {at: csv_cell(text, separator.decode()).encode() for at, text in wanted.items()}
    for line, _ in lines[1:]:
        fits = len(line) == len(header)
        fits = fits and (not rule or (value(line[reason]) or "").startswith(f"{rule}: "))
        if fits and any(value(line[at]) != text for at, text in wanted.items()):
            changed += 1
            for at, cell in cells.items():
                line[at] = cell
    mark = sheet[: len(sheet) - len(text)]
    return changed, mark + b"".join(separator.join(line) + end for line, end in lines)


def _header(text: bytes) -> tuple[bytes, list[str | None]]:
    """What separates the cells of a sheet, and the names of its columns."""
    for separator in SEPARATORS:
        line, _ = next(records(text, separator), ([], b""))
        names = [value(cell) for cell in line]
        if {ROW, REASON} <= {*names}:
            return separator, names
    raise CommandError(f"read the sheet: it has no columns {ROW} and {REASON}; export it anew")
