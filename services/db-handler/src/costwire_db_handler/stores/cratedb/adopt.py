"""Adoption: a table of the original handler becomes a versioned one, as one delivery.

    read      all of the old table, page by page, into files; counts and sums must agree
    rename    doc.T -> doc."T__original": from here on the original's statements miss it
    deliver   what was read, as source `adopted:T`, through the ordinary way

Each step can be repeated, so an adoption that was killed is finished by another. Nothing of the old
table is changed; between rename and commit nobody else can deliver into T (`require_free`).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from costwire_db_handler.beside import require_table_name
from costwire_db_handler.errors import CannotAdopt, Unbalanced, UnknownTable
from costwire_db_handler.ledger import Clock, Entry, State
from costwire_db_handler.names import quoted
from costwire_db_handler.stores import CostStore
from costwire_db_handler.stores.cratedb import originals
from costwire_db_handler.stores.cratedb.catalog import require_views_free
from costwire_db_handler.stores.cratedb.cluster import Session
from costwire_db_handler.stores.cratedb.failures import PrivilegeMissing
from costwire_db_handler.stores.cratedb.originals import KEPT, KEY
from costwire_db_handler.stores.cratedb.privileges import MAY_MAKE_TABLES
from costwire_db_handler.stores.cratedb.turns import read_row
from costwire_focus.amounts import CostSums
from costwire_focus.canonical import exact_sum
from costwire_focus.manifest import (
    TABLE_NAME,
    ColumnLabel,
    CostSum,
    Exposition,
    Manifest,
    ManifestTimes,
    RowCounts,
)
from costwire_focus.versions import detect

_PAGE_ROWS = 5_000
_RENDERED_NOWHERE = Exposition(samples=0, bytes=0, sha256="0" * 64, renderer=0)


def adopt(
    session: Session,
    store: CostStore,
    scratch: Path,
    table: str,
    clock: Clock,
    page_rows: int = _PAGE_ROWS,
) -> Entry:
    """Make the original's table T a versioned one, or find the entry of its adoption.

    `session`: the caller's, for the old table is no table of the handler's; so it takes the right
    to read it and, for the rename, DDL on it.
    `store`:   the charges with the caller's rights, and with the right to deliver into T.
    Raises: `UnknownTable`, `CannotAdopt`, `TableTaken`, and what deliveries raise.
    """
    source = f"adopted:{table}"
    mine = [entry for entry in store.deliveries(table) if entry.source == source]
    settled = [each for each in mine if each.state not in (State.OPEN, State.ABORTED)]
    if settled:
        return settled[-1]
    old = _old_table(session, table)
    _require_maker(session, table)
    reading = _read(session, old, scratch / "first", page_rows)
    if old.name == table:
        old = _renamed(session, old)
        if _totals(session, old) != reading.totals:
            reading = _read(session, old, scratch / "second", page_rows)
    manifest = _manifest(table, source, reading, clock())
    for left in (entry for entry in mine if entry.state is State.OPEN):
        if left.id == manifest.id:
            manifest = manifest.model_copy(update={"generation": left.generation})
        else:  # another version of this program cut or spelled it otherwise
            store.abort(left.commit, clock)
    return _delivered(store, manifest, reading, clock)


@dataclass(frozen=True)
class _OldTable:
    name: str
    types: Mapping[str, str]
    """column -> CrateDB's name of its type"""

    @property
    def sql(self) -> str:
        """The name in a statement."""
        return f"doc.{quoted(self.name)}"


@dataclass(frozen=True)
class _Totals:
    """By what a table is known to be the same, and to have been read in full."""

    rows: int
    writes: int
    """The sum of the numbers that CrateDB gives to writes: each write changes it."""
    sums: Mapping[str, Decimal]
    """Of each column of doubles."""


@dataclass
class _Reading:
    """What was read of a table: its charges as files, and what they come to."""

    totals: _Totals
    columns: Sequence[str]
    parts: list[Path] = field(default_factory=list)
    digests: list[str] = field(default_factory=list)
    costs: CostSums = field(default_factory=CostSums)


def _old_table(session: Session, table: str) -> _OldTable:
    """Where the old table stands: under its name still, or under the one it is kept by."""
    if not TABLE_NAME.fullmatch(table):
        raise UnknownTable(f"adopt {table}: this is no name of a table for charges")
    kept = table + KEPT
    found = session.execute(
        "SELECT table_name FROM information_schema.tables "
        "WHERE table_schema = 'doc' AND table_name IN (?, ?)",
        [table, kept],
    ).rows
    names = {name for (name,) in found}
    row = read_row(session, table)
    is_versioned = row is not None and row.layout is not None
    if is_versioned and kept not in names:
        raise CannotAdopt(
            f"adopt {table}: it is versioned already, and there is no doc.{kept} to be taken over"
        )
    if names >= {table, kept} and not is_versioned:
        raise CannotAdopt(
            f"adopt {table}: doc.{kept} is there, and a new doc.{table} beside it; stop the "
            f"original handler, see what the new one holds, drop it, and repeat"
        )
    if not names:
        raise UnknownTable(
            f"adopt {table}: there is no table doc.{table}, or none that you may see"
        )
    name = kept if kept in names else table
    types = _types(session, name)
    key = session.execute(
        "SELECT column_name FROM information_schema.key_column_usage "
        "WHERE table_schema = 'doc' AND table_name = ? ORDER BY ordinal_position",
        [name],
    ).rows
    told = originals.difference([column for (column,) in key], types)
    if told is not None:
        raise CannotAdopt(f"adopt {table}: doc.{name} is no cost table of the original: {told}")
    return _OldTable(name, types)


def _require_maker(session: Session, table: str) -> None:
    """Before anything is read: rename and commit would find out late."""
    require_table_name(table)
    row = read_row(session, table)
    if row is None or row.layout is None:
        require_views_free(session, table)
    ((may,),) = session.execute(MAY_MAKE_TABLES).rows
    if not may:
        raise PrivilegeMissing(
            f"adopt {table}: renaming the old table and making the new one take DDL on the "
            "schema doc"
        )


def _types(session: Session, name: str) -> dict[str, str]:
    rows = session.execute(
        "SELECT column_name, data_type, column_details['path'] FROM information_schema.columns "
        "WHERE table_schema = 'doc' AND table_name = ? ORDER BY ordinal_position LIMIT 100000",
        [name],
    ).rows
    return {column: kind for column, kind, path in rows if not path}


def _renamed(session: Session, old: _OldTable) -> _OldTable:
    kept = replace(old, name=old.name + KEPT)
    session.execute(f"ALTER TABLE {old.sql} RENAME TO {quoted(kept.name)}")
    return kept


def _totals(session: Session, old: _OldTable) -> _Totals:
    """Counted by CrateDB; sums over the decimal texts of doubles are exact there too."""
    session.execute(f"REFRESH TABLE {old.sql}")
    names = originals.doubles(old.types)
    sums = "".join(f", sum(try_cast({quoted(name)}::TEXT AS NUMERIC))::TEXT" for name in names)
    ((rows, writes, *totals),) = session.execute(
        f"SELECT count(*), sum(_seq_no){sums} FROM {old.sql}"
    ).rows
    exact = {name: Decimal(text or 0) for name, text in zip(names, totals, strict=True)}
    return _Totals(rows, writes or 0, exact)


def _read(session: Session, old: _OldTable, folder: Path, page_rows: int) -> _Reading:
    """Read the whole table into files; raises `CannotAdopt` when it was written to meanwhile."""
    folder.mkdir()
    reading = _Reading(_totals(session, old), [*originals.report_names(old.types).values()])
    sums = dict.fromkeys(originals.doubles(old.types), Decimal(0))
    rows = 0
    for number, page in enumerate(_pages(session, old, reading.totals.rows, page_rows)):
        charges = _read_page(session, old, page)
        rows += charges.num_rows
        for name in sums:
            texts = charges.column(name).to_pylist()
            sums[name] = exact_sum((sums[name], *map(originals.number, texts)))
        charges = charges.rename_columns(reading.columns)
        reading.costs.add(charges)
        path = folder / f"{number:08}.arrow"
        with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_stream(sink, charges.schema) as writer:
            writer.write_table(charges)
        reading.parts.append(path)
        reading.digests.append(hashlib.sha256(path.read_bytes()).hexdigest())
    if _totals(session, old) != reading.totals:
        raise CannotAdopt(
            f"adopt {old.name}: it was written to while it was read; stop the original handler "
            "and repeat"
        )
    if (rows, sums) != (reading.totals.rows, reading.totals.sums):
        raise Unbalanced(
            f"adopt {old.name}: what was read of it does not come to its count and sums; repeat"
        )
    return reading


@dataclass(frozen=True)
class _Page:
    """The rows between bounds of key columns."""

    rows: int
    bounds: Mapping[str, tuple[Any, Any]] = field(default_factory=dict)
    """column -> (more than, at most); None is no bound"""

    def where(self) -> tuple[str, list[Any]]:
        """The condition and its arguments."""
        told = [
            (f"{quoted(name)} {sign} ?", value)
            for name, bounds in self.bounds.items()
            for sign, value in zip((">", "<="), bounds, strict=True)
            if value is not None
        ]
        return " AND ".join(["TRUE", *(text for text, _ in told)]), [value for _, value in told]

    def up_to(self, name: str, value: Any) -> dict[str, tuple[Any, Any]]:
        """The bounds of its rows up to a value of a column."""
        return {**self.bounds, name: (self.bounds.get(name, (None, None))[0], value)}

    def beyond(self, name: str, value: Any) -> dict[str, tuple[Any, Any]]:
        """The bounds of the others."""
        return {**self.bounds, name: (value, self.bounds.get(name, (None, None))[1])}


def _pages(session: Session, old: _OldTable, rows: int, page_rows: int) -> Iterator[_Page]:
    """The table in ranges of its key, none of more than so many rows.

    CrateDB holds a whole answer in memory, so none may be large. A range is cut at the key of one
    of its rows, in `<=` and `>`: so no row is missed or met twice, in whatever order the database
    has them, and nothing is ever sorted but the first `2 * page_rows` of a range.
    """
    ranges = [_Page(rows)]
    while ranges:
        page = ranges.pop()
        if page.rows <= page_rows:
            yield page
        else:
            ranges += _halves(session, old, page, page_rows)


def _halves(session: Session, old: _OldTable, page: _Page, page_rows: int) -> tuple[_Page, _Page]:
    """The two sides of a range, the first on top; the key's first column that tells rows apart."""
    where, arguments = page.where()
    for name in KEY:
        column = quoted(name)
        ((cut,),) = session.execute(
            f"SELECT {column} FROM {old.sql} WHERE {where} ORDER BY {column} "
            f"LIMIT 1 OFFSET {min(page.rows // 2, 2 * page_rows):d}",
            arguments,
        ).rows
        ((last, before),) = session.execute(
            f"SELECT max({column}), max({column}) FILTER (WHERE {column} < ?) "
            f"FROM {old.sql} WHERE {where}",
            [cut, *arguments],
        ).rows
        cut = before if cut == last else cut
        if cut is None:
            continue
        first = _Page(page.rows, page.up_to(name, cut))
        condition, values = first.where()
        ((count,),) = session.execute(
            f"SELECT count(*) FROM {old.sql} WHERE {condition}", values
        ).rows
        if 0 < count < page.rows:
            return _Page(page.rows - count, page.beyond(name, cut)), replace(first, rows=count)
    raise Unbalanced(f"adopt {old.name}: {page.rows} rows have one key; repeat")


def _read_page(session: Session, old: _OldTable, page: _Page) -> pa.Table:
    """The charges of a range in the order of their keys, so that a repeat has the same bytes."""
    where, arguments = page.where()
    names = ", ".join(map(quoted, old.types))
    rows = session.execute(
        f"SELECT {names} FROM {old.sql} WHERE {where} LIMIT 10000000", arguments
    ).rows
    columns = [*zip(*rows, strict=True)] if rows else [()] * len(old.types)
    cells = {
        name: originals.report_cells(kind, values)
        for (name, kind), values in zip(old.types.items(), columns, strict=True)
    }
    charges = pa.table(cells)
    order = pc.sort_indices(charges, sort_keys=[(name, "ascending") for name in KEY])
    return charges.take(order).combine_chunks()


def _manifest(table: str, source: str, reading: _Reading, now: datetime) -> Manifest:
    told = json.dumps([table, *reading.digests]).encode()
    rows = reading.totals.rows
    return Manifest(
        id=hashlib.sha256(told).hexdigest(),
        table=table,
        source=source,
        generation=now,
        focus_version=detect(list(reading.columns)),
        columns=[ColumnLabel(name=name, label=name) for name in reading.columns],
        rows=RowCounts(read=rows, published=rows, quarantined=0),
        sums={
            currency: {
                name: None
                if total is None
                else CostSum(read=total, published=total, quarantined="0")
                for name, total in lines.items()
            }
            for currency, lines in reading.costs.to_json().items()
        },
        exposition=_RENDERED_NOWHERE,
        times=ManifestTimes(read=now),
    )


def _delivered(store: CostStore, manifest: Manifest, reading: _Reading, clock: Clock) -> Entry:
    entry = store.open_delivery(manifest, clock)
    if entry.state is not State.OPEN:
        return entry
    for seq, (path, digest) in enumerate(zip(reading.parts, reading.digests, strict=True)):
        charges = pa.ipc.open_stream(path.read_bytes()).read_all()
        store.stage_part(entry.commit, seq, charges, digest)
    return store.commit(entry.commit, clock)
