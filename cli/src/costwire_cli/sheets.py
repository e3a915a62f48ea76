"""Sheets of quarantined rows as files: written in several where they are long, read, filled in."""

from __future__ import annotations

from codecs import BOM_UTF8
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from costwire_cli.csv_cells import NoCsv, records, value
from costwire_cli.errors import WRONG_USE, CommandError
from costwire_cli.whole_file import is_special, write_whole
from costwire_focus.csv_line import SEPARATORS, csv_cell
from costwire_focus.sheets import MOST_BYTES, MOST_ROWS, RAW, REASON, ROW


def write_sheets(
    path: Path,
    pieces: Iterable[bytes],
    *,
    force: bool = False,
    most_rows: int = MOST_ROWS,
    most_bytes: int = MOST_BYTES,
) -> list[Path]:
    """Write a sheet, and where it is longer than one may be, `fix-2.csv` beside `fix.csv`.

    `pieces`: of the whole sheet. What is no regular file, a pipe say, gets all of it.
    `force`:  files that are there are replaced, and the others of a longer export removed.
    Each file appears whole or not at all; raises `CommandError`.
    """
    if is_special(path):
        write_whole(path, pieces)
        return [path]
    rows = _rows(pieces)
    header = next(rows, b"")
    paths = []
    for number, sheet in enumerate(_cut(rows, most_rows, most_bytes - len(header)), 1):
        paths.append(_numbered(path, number))
        if not force and paths[-1].exists():
            raise _would_overwrite(paths[-1:])
        write_whole(paths[-1], [header, *sheet])
    if force:
        for stale in _standing(path, len(paths) + 1):
            stale.unlink(missing_ok=True)
    return paths


def refuse_edited(path: Path) -> None:
    """Raise `CommandError` where an export to this path finds sheets that may hold edits."""
    if not is_special(path) and (standing := [*_standing(path, 1)]):
        raise _would_overwrite(standing)


def _would_overwrite(sheets: Iterable[Path]) -> CommandError:
    names = " ".join(map(str, sheets))
    return CommandError(
        f"export: {names} would be overwritten, and may hold edits; name another file with "
        "--output, or replace it with --force",
        status=WRONG_USE,
    )


def _standing(path: Path, first: int) -> Iterator[Path]:
    """The files that have the names of an export's sheets, from the one of a number on."""
    if first == 1 and path.exists():
        yield path
    number = max(first, 2)
    while (sheet := _numbered(path, number)).exists():
        yield sheet
        number += 1


def _numbered(path: Path, number: int) -> Path:
    return path if number == 1 else path.with_stem(f"{path.stem}-{number}")


def _cut(rows: Iterable[bytes], most_rows: int, most_bytes: int) -> Iterator[list[bytes]]:
    """The rows of each sheet: of the first one always, of the others at least one."""
    sheet: list[bytes] = []
    size = 0
    for row in rows:
        if sheet and (len(sheet) >= most_rows or size + len(row) > most_bytes):
            yield sheet
            sheet, size = [], 0
        sheet.append(row)
        size += len(row)
    yield sheet


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
