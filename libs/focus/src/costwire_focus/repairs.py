"""Quarantined rows as a sheet that people edit, and the sheet read again by the rules of FOCUS."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import BinaryIO, Literal

import pyarrow as pa
import pyarrow.compute as pc

from costwire_focus.csv_line import NULLS, SEPARATORS, csv_line
from costwire_focus.errors import FocusError
from costwire_focus.json_values import DECODER, Members, cell_text, is_too_deep
from costwire_focus.sheets import RAW, REASON, ROW

_FILE = "sheet"
_NAMED = 5

Cells = Mapping[str, str]


class NotASheet(FocusError):
    """What was read has not the columns of a sheet of quarantined rows."""


@dataclass(frozen=True)
class SheetRow:
    """A quarantined row on its way into a sheet."""

    row: str
    reason: str
    cells: Cells
    """Those that are not null."""
    raw: str | None = None
    """Its text, where it could not be cut into cells."""


@dataclass(frozen=True)
class Broken:
    """A row of a sheet that cannot be stored as it is."""

    row: str | None
    line: int
    """Of the sheet."""
    column: str | None
    rule: str | None
    reason: str


@dataclass(frozen=True)
class Sheet:
    """What people made of quarantined rows: three columns of equal length, and what is wrong."""

    rows: list[str]
    lines: list[int]
    charges: pa.Table
    """Columns of text, in the delivery's order."""
    broken: list[Broken] = field(default_factory=list)

    def only(self, kept: Sequence[int], broken: Iterable[Broken] = ()) -> Sheet:
        """The rows at these places, and more that are broken."""
        return replace(
            self,
            rows=[self.rows[at] for at in kept],
            lines=[self.lines[at] for at in kept],
            charges=self.charges.take(pa.array(kept, pa.int64())),
            broken=[*self.broken, *broken],
        )


def write_sheet(columns: Sequence[str], rows: Iterable[SheetRow], *, raw: bool) -> Iterator[str]:
    """The lines of a sheet: number and reason of each row, its cells, and with `raw` its text.

    Raises: `NotASheet` where the report has a column of one of these names.
    """
    extra = [RAW] if raw else []
    if taken := {ROW, REASON, RAW}.intersection(columns):
        raise NotASheet(f"write the sheet: the report has a column {min(taken)!r} of its own")
    yield csv_line([ROW, REASON, *columns, *extra])
    for row in rows:
        text = [row.raw] if raw else []
        yield csv_line([row.row, row.reason, *map(row.cells.get, columns), *text])


def cut(raw: bytes, columns: Sequence[str]) -> dict[str, str]:
    """The cells of a row as far as they go, by the delivery's columns; those too many are lost.

    A row of JSON or parquet tells its columns; one of CSV is cut by what gives the most of them.
    """
    text = raw.decode(errors="replace").replace("\0", "")
    if (told := _told(text)) is not None:
        return {name: told[name] for name in columns if told.get(name) not in (None, "")}
    try:
        cuts = [next(csv.reader([text], delimiter=sign.decode()), []) for sign in SEPARATORS]
    except csv.Error:
        return {}
    cells = max(cuts, key=lambda cells: len(cells) if len(cells) <= len(columns) else 0)
    cells = cells if len(cells) > 1 else cuts[0]
    return {name: cell for name, cell in zip(columns, cells, strict=False) if cell not in NULLS}


def _told(text: str) -> dict[str, str] | None:
    """The cells of a row that is a JSON object, without those nested too deeply."""
    try:
        members = DECODER.decode(text)
    except (ValueError, RecursionError):
        return None
    if not isinstance(members, Members):
        return None
    usable = [(name, value) for name, value in members if not is_too_deep(value)]
    return {name: cell for name, value in usable if (cell := cell_text(value)) is not None}


def read_sheet(
    stream: BinaryIO,
    columns: Sequence[str],
    version: str,
    declared: Sequence[str],
    *,
    currency: str | None = None,
    dates: Literal["mdy", "dmy"] | None = None,
    most_rows: int | None = None,
) -> Sheet:
    """Read a sheet, and check each of its rows as the exporter checks those of a report.

    `columns`:  those of the delivery.
    `declared`: the months that it is declared to be the state of; none: any.
    `currency`: what was told of charges that name none, and `dates` of dates such as 9/1/24; the
                cells that are given are those of the sheet.
    Raises: `NotASheet`, and `Unreadable` for what is no CSV.
    """
    # They take a third of a second to load, and few handlers ever see a sheet.
    from costwire_focus.readers import open_report
    from costwire_focus.rules import Validator

    report = open_report(stream, _FILE)
    _require_columns(report.names, columns)
    validator = Validator(
        columns, version, dates=dates, currency=currency, declared=declared, file=_FILE
    )
    rows: list[str] = []
    lines: list[int] = []
    charges: list[pa.Table] = [pa.table({name: pa.array([], pa.string()) for name in columns})]
    broken: list[Broken] = []
    seen: set[str] = set()
    read = 0
    for batch in report.batches():
        read += len(batch.lines)
        if most_rows is not None and read > most_rows:
            raise NotASheet(f"read the sheet: it has more than {most_rows:,} rows; make several")
        numbers = dict(zip(_ints(batch.lines), batch.charges.column(ROW).to_pylist(), strict=True))
        told = replace(batch, charges=batch.charges.select(list(columns)))
        checked = validator.check(told)
        broken += (
            Broken(numbers.get(bad.line), bad.line, bad.column, bad.rule, bad.reason)
            for bad in checked.unusable
        )
        kept = []
        for at, line in enumerate(_ints(checked.lines)):
            number = numbers[line]
            if number is None or number in seen:
                broken.append(_unnumbered(number, line))
            else:
                kept.append(at)
                rows.append(number)
                lines.append(line)
                seen.add(number)
        charges.append(checked.charges.take(pa.array(kept, pa.int64())))
    broken.sort(key=lambda each: each.line)
    return Sheet(rows, lines, pa.concat_tables(charges).combine_chunks(), broken)


def _unnumbered(number: str | None, line: int) -> Broken:
    if number is None:
        return Broken(None, line, ROW, None, f"{ROW} is empty: it says which row is repaired")
    return Broken(number, line, ROW, None, f"row {number} stands in the sheet twice")


def _require_columns(names: Sequence[str], columns: Sequence[str]) -> None:
    if ROW not in names:
        raise NotASheet(
            f"read the sheet: it has no column {ROW}; write one with costwire quarantine export, "
            "and save it as CSV with commas, in UTF-8"
        )
    for name in columns:
        if name not in names:
            raise NotASheet(
                f"read the sheet: it has lost the column {name!r}; a cell may be empty, "
                "the column has to stay"
            )
    if more := sorted({*names} - {*columns, ROW, REASON, RAW}):
        told = ", ".join(map(repr, more[:_NAMED]))
        raise NotASheet(f"read the sheet: the delivery has no column {told}; take it out")


def _ints(numbers: pa.Array | pa.ChunkedArray) -> list[int]:
    told: list[int] = pc.cast(numbers, pa.int64()).to_pylist()
    return told
