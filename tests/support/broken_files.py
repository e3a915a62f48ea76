"""Reports broken in many ways at once, as files that two validators can read."""

from __future__ import annotations

import csv
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from itertools import islice
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from costwire_focus import estates
from costwire_focus.columns import ValueType, value_type
from costwire_focus.estates import Estate
from tests.support.breaker import Break, Row

_ROWS: Final = 200
_MOST_ROWS: Final = 1_000
_IN_A_PACK: Final = 14


def packs(breaks: Sequence[Break]) -> list[list[Break]]:
    """The ways in groups that touch no column twice: the official tool takes seconds for a file."""
    groups: list[tuple[set[str], list[Break]]] = []
    for one in breaks:
        touched = {*one.cells, *([one.drops] if one.drops else [])}
        for columns, group in groups:
            alike = (bool(one.drops), one.untyped) == (bool(group[0].drops), group[0].untyped)
            if alike and len(group) < _IN_A_PACK and not columns & touched:
                columns |= touched
                group.append(one)
                break
        else:
            groups.append((touched, [one]))
    return [group for _, group in groups]


def broken_files(
    names: Sequence[str], rows: Sequence[Row], folder: Path, groups: Sequence[Sequence[Break]]
) -> list[Path]:
    """Files of the report as it is (0), and broken in each group of ways (1 and so on).

    Parquet with the types of FOCUS, so that nothing has to be guessed; CSV for what no type holds.
    """
    folder.mkdir()
    files = [write_parquet(folder / "0.parquet", names, rows)]
    for number, group in enumerate(groups, 1):
        left, broken = list(names), list(rows)
        used: set[int] = set()
        for one in group:
            left, broken = one(left, broken, used)
        if group[0].untyped:
            files.append(write_csv(folder / f"{number}.csv", left, broken))
        else:
            files.append(write_parquet(folder / f"{number}.parquet", left, broken))
    return files


def right_report(cloud: str, folder: Path) -> Path:
    """A report of FOCUS 1.2 in which nothing is broken."""
    estate = Estate(seed=7, rows=_ROWS, rows_per_file=_ROWS, clouds=(cloud,), focus_version="1.2")
    path = folder / f"{cloud}.csv"
    with path.open("wb") as sink:
        estates.write_csv(next(iter(estates.generate(estate))).charges, sink)
    return path


def read_csv(path: Path) -> tuple[list[str], list[Row]]:
    """The columns and first rows of a file, null as an empty text."""
    with path.open(newline="", encoding="utf-8-sig") as stream:
        reader = csv.reader(stream)
        names = next(reader)
        rows = [dict(zip(names, row, strict=True)) for row in islice(reader, _MOST_ROWS)]
    return names, [{k: "" if v == "NULL" else v for k, v in row.items()} for row in rows]


def write_csv(path: Path, names: Sequence[str], rows: Sequence[Row]) -> Path:
    """A file of these cells."""
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(names)
        writer.writerows([row[name] for name in names] for row in rows)
    return path


def write_parquet(path: Path, names: Sequence[str], rows: Sequence[Row]) -> Path:
    """A file of these cells: amounts as decimals, instants as UTC timestamps, all else as text."""
    columns = {name: _typed(name, [row[name] or None for row in rows]) for name in names}
    pq.write_table(pa.table(columns), path)
    return path


def _typed(name: str, cells: Sequence[str | None]) -> pa.Array:
    read, kind = _TYPES.get(value_type(name), (str, pa.string()))
    return pa.array([None if cell is None else read(cell) for cell in cells], kind)


def _instant(cell: str) -> datetime:
    at = datetime.fromisoformat(cell)
    return at if at.tzinfo else at.replace(tzinfo=UTC)


_TYPES: Final[Mapping[ValueType, tuple[Callable[[str], Any], pa.DataType]]] = {
    ValueType.AMOUNT: (Decimal, pa.decimal128(38, 18)),
    ValueType.INSTANT: (_instant, pa.timestamp("us", "UTC")),
}
