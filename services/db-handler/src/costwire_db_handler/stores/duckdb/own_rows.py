"""Statements of users who see some rows only: each runs in a database that holds no others.

The rows are copied from one state of the store into a database in memory, made for the one
statement. So nothing that a statement can do tells of other rows: no order in which conditions
are looked at, no error that quotes a value, no statistics, no plan.
"""

from __future__ import annotations

import itertools
import shutil
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import duckdb

from costwire_db_handler.answers.conditions import Condition
from costwire_db_handler.answers.speech import Fragment, TableColumn
from costwire_db_handler.beside import views_of
from costwire_db_handler.errors import BadQuestion
from costwire_db_handler.names import quoted
from costwire_db_handler.rights import Rights
from costwire_db_handler.sql.checked import Checked
from costwire_db_handler.sql.errors import MemoryExceeded
from costwire_db_handler.sql.tokens import fold
from costwire_db_handler.stores.duckdb import catalog
from costwire_db_handler.stores.duckdb.locks import harden
from costwire_db_handler.stores.duckdb.speech import DuckDBSpeech
from costwire_db_handler.stores.duckdb.user_tables import StoredCatalog
from costwire_db_handler.stores.duckdb.watchdog import MIB
from costwire_db_handler.users import InvalidUser
from costwire_focus.columns import COLUMNS, value_type
from costwire_focus.typed import DEFAULT_SCALE

_MEMORY_BYTES = 64 * MIB
_SPILL_BYTES = 4 * 1024 * MIB
_AT_ONCE = 2
_BATCH_ROWS = 5_000
_EVERY = Fragment("true")
_CONFIG: dict[str, str | bool | int | float | list[str]] = {
    "memory_limit": f"{_MEMORY_BYTES // MIB}MiB",
    "threads": 1,
    "preserve_insertion_order": "false",
}
Connection = duckdb.DuckDBPyConnection


class OwnRows:
    """Makes such databases, few at a time."""

    def __init__(self, spill: Path, *, wait_seconds: float) -> None:
        """`spill`: the folder of what does not fit into memory; what a kill left in it goes."""
        shutil.rmtree(spill, ignore_errors=True)
        self._spill = spill
        self._wait_seconds = wait_seconds
        self._free = threading.BoundedSemaphore(_AT_ONCE)
        self._numbers = itertools.count()

    @contextmanager
    def opened(self) -> Iterator[Connection]:
        """An empty database; raises `MemoryExceeded` when others are not done in time."""
        if not self._free.acquire(timeout=self._wait_seconds):
            raise MemoryExceeded("others ask for their rows at the same time: try again")
        folder = self._spill / str(next(self._numbers))
        try:
            with duckdb.connect(":memory:", config=_CONFIG) as database:
                harden(
                    database,
                    temp_directory=folder,
                    memory_bytes=_MEMORY_BYTES,
                    threads=1,
                    max_temp_bytes=_SPILL_BYTES,
                )
                yield database
        finally:
            self._free.release()
            shutil.rmtree(folder, ignore_errors=True)


def fill(database: Connection, sql: Connection, checked: Checked, rights: Rights) -> None:
    """Copy what a statement reads, as far as the rights go.

    `sql`: a transaction of the store, whose one state is copied.
    """
    stored = StoredCatalog(sql, rights)
    for name in sorted(checked.reads):
        table = stored.table_of(name)
        if name == views_of(table)[1]:
            _copy(database, sql, name, _states(sql, table, rights), _EVERY)
        else:
            wanted = _wanted(stored.columns(name), checked.columns)
            seen = rights.seen(DuckDBSpeech.of(sql, table))
            _copy(database, sql, name, ", ".join(wanted), seen)


def check_condition(sql: Connection, rights: Rights) -> None:
    """Whether a condition can be judged: by columns of FOCUS, and those that tables have now.

    Raises: `InvalidUser`, with what is close to a name that nothing has.
    """
    tables = catalog.cost_tables(sql)
    known = {name for table in tables for name in catalog.columns(sql, table)}
    columns = [
        TableColumn(name, value_type(name), quoted(name), DEFAULT_SCALE)
        for name in sorted(known | COLUMNS.keys())
    ]
    try:
        Condition.read(rights.where).sql(DuckDBSpeech("a report", columns))
    except BadQuestion as wrong:
        raise InvalidUser(f"limit the rows: {wrong.detail}") from wrong


def _wanted(columns: Sequence[tuple[str, str]], names: frozenset[str] | None) -> list[str]:
    """Those that a statement names; one in any case, because rows are counted, too."""
    told = [quoted(name) for name, _ in columns if names is None or fold(name) in names]
    return told or [quoted(columns[0][0])]


def _copy(database: Connection, sql: Connection, name: str, selected: str, seen: Fragment) -> None:
    rows = sql.sql(
        f"SELECT {selected} FROM main.{quoted(name)} WHERE {seen.text}",
        params=list(seen.arguments) or None,
    )
    database.register("_own", rows.to_arrow_reader(_BATCH_ROWS))
    database.execute(f"CREATE TABLE main.{quoted(name)} AS SELECT * FROM _own")
    database.unregister("_own")


def _states(sql: Connection, table: str, rights: Rights) -> str:
    """The columns of a table's states; a source is named where rows of it are seen."""
    known = seen_sources(sql, table, rights)
    named = ", ".join("'" + name.replace("'", "''") + "'" for name in known)
    source = f"CASE WHEN source IN ({named}) THEN source END" if named else "NULL::VARCHAR"
    return f"state, commit, {source} AS source, delivery, shown_at"


def seen_sources(sql: Connection, table: str, rights: Rights) -> dict[str, int]:
    """The sources of a table, and their numbers, that have rows which these rights let see."""
    known = catalog.source_names(sql, table)
    if not rights.where:
        return known
    seen = rights.seen(DuckDBSpeech.of(sql, table))
    rows = sql.execute(
        " UNION ".join(
            f"SELECT DISTINCT _source FROM {place} WHERE {seen.text}"
            for place in (catalog.current(table), catalog.history(table))
        ),
        [*seen.arguments, *seen.arguments],
    ).fetchall()
    present = {number for (number,) in rows}
    return {name: number for name, number in known.items() if number in present}
