"""The versioned tables: their columns, their sources, and the view that users query.

Charges that readers see stand in `costwire."<table>__current"`, closed ones in
`"<table>__history"`; the view `main."<table>"` shows the report's columns of the current ones.
Beside it `"<table>__versions"` shows both, and `"<table>__states"` the states that there were.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from itertools import chain

import duckdb

from costwire_db_handler.beside import OPEN, in_the_way, require_table_name, views_of
from costwire_db_handler.names import json_name, quoted, sql_names
from costwire_focus.columns import ValueType, value_type
from costwire_focus.typed import DEFAULT_SCALE, DIGITS

_VERSIONING = """
    _content UHUGEINT NOT NULL,
    _dimensions UHUGEINT NOT NULL,
    _period VARCHAR NOT NULL,
    _source INTEGER NOT NULL,
    _commit BIGINT NOT NULL"""
_logger = logging.getLogger(__name__)


def current(table: str) -> str:
    """The charges that readers see."""
    return f"costwire.{quoted(table + '__current')}"


def history(table: str) -> str:
    """The charges that readers saw once, and those of deliveries that are held or came too late."""
    return f"costwire.{quoted(table + '__history')}"


def cost_tables(sql: duckdb.DuckDBPyConnection) -> set[str]:
    """The names of all versioned tables."""
    return {name for (name,) in sql.execute("SELECT name FROM costwire.tables").fetchall()}


def require_free(sql: duckdb.DuckDBPyConnection, table: str) -> None:
    """A new table may be called so, and nothing is where its views will be; raises `TableTaken`."""
    tables = cost_tables(sql)
    if table in tables:
        return
    require_table_name(table)
    owners = _owners(sql)
    for name in (table, *views_of(table)):
        if name in owners:
            raise in_the_way(table, name, f"{owners[name]} has")
        if name in tables:
            raise in_the_way(table, name)


def _owners(sql: duckdb.DuckDBPyConnection) -> dict[str, str]:
    """The tables of users, in lower case, each with its owner."""
    return dict(sql.execute("SELECT lower(name), owner FROM costwire.user_tables").fetchall())


def ensure_table(sql: duckdb.DuckDBPyConnection, table: str) -> None:
    """Make the tables of a name that is new; raises `TableTaken`."""
    require_free(sql, table)
    sql.execute("INSERT INTO costwire.tables VALUES (?) ON CONFLICT DO NOTHING", [table])
    sql.execute(f"CREATE TABLE IF NOT EXISTS {current(table)} ({_VERSIONING})")
    sql.execute(
        f"CREATE TABLE IF NOT EXISTS {history(table)} ({_VERSIONING}, _ended BIGINT NOT NULL)"
    )


def columns(sql: duckdb.DuckDBPyConnection, table: str) -> dict[str, str]:
    """The columns of a table in the order of their arrival: name in reports -> SQL name."""
    rows = sql.execute(
        "SELECT name, sql_name FROM costwire.columns WHERE table_name = ? ORDER BY position",
        [table],
    ).fetchall()
    return dict(rows)


def add_columns(sql: duckdb.DuckDBPyConnection, table: str, names: Iterable[str]) -> dict[str, str]:
    """Add what the table lacks of these columns; gives the SQL names of all."""
    known = columns(sql, table)
    mapped = sql_names(names, known)
    new = [(name, sql_name) for name, sql_name in mapped.items() if name not in known]
    if not new:
        return mapped
    rows = [(table, len(known) + number, *pair) for number, pair in enumerate(new)]
    sql.execute(
        f"INSERT INTO costwire.columns VALUES {', '.join(['(?, ?, ?, ?)'] * len(rows))}",
        [*chain.from_iterable(rows)],
    )
    for name, sql_name in new:
        for column, sql_type in _definitions(name, sql_name):
            for target in (current(table), history(table)):
                sql.execute(f"ALTER TABLE {target} ADD COLUMN {quoted(column)} {sql_type}")
    refresh_view(sql, table)
    return mapped


def _definitions(name: str, sql_name: str) -> list[tuple[str, str]]:
    kind = value_type(name)
    if kind is ValueType.AMOUNT:
        return [(sql_name, f"DECIMAL({DIGITS},{DEFAULT_SCALE})")]
    if kind is ValueType.INSTANT:
        return [(sql_name, "TIMESTAMP")]
    if kind is ValueType.TAGS:
        return [(sql_name, "MAP(VARCHAR, VARCHAR)"), (json_name(sql_name), "VARCHAR")]
    return [(sql_name, "VARCHAR")]


def public_columns(mapped: Mapping[str, str]) -> list[str]:
    """The SQL columns that users see, in order."""
    return [column for name in mapped for column, _ in _definitions(name, mapped[name])]


def horizon(sql: duckdb.DuckDBPyConnection, table: str) -> int:
    """The first state that can still be asked for."""
    rows = sql.execute(
        "SELECT state FROM costwire.horizons WHERE table_name = ?", [table]
    ).fetchall()
    return int(rows[0][0]) if rows else 0


def refresh_view(sql: duckdb.DuckDBPyConnection, table: str) -> None:
    """Make the users' views show the table's columns and types of now.

    States before the horizon have left: what is still there of them is in no state.
    """
    shown = ", ".join(quoted(column) for column in public_columns(columns(sql, table)))
    versions, states = views_of(table)
    _make_view(sql, table, f"SELECT {shown} FROM {current(table)}")
    taken = {*_owners(sql), *cost_tables(sql)}
    first = horizon(sql, table)
    came = f"greatest(_commit, {first:d}::BIGINT)" if first else "_commit"
    beside = {
        versions: f"SELECT {shown}, {came} AS _commit, {OPEN}::BIGINT AS _last "
        f"FROM {current(table)} "
        f"UNION ALL SELECT {shown}, {came}, _ended - 1 FROM {history(table)}",
        states: "SELECT applied AS state, commit, source, id AS delivery, "
        "(entry->>'$.times.committed')::TIMESTAMP AS shown_at FROM costwire.deliveries "
        f"WHERE table_name = '{table}' AND applied >= {first:d} AND NOT dry_run",
    }
    for name, query in beside.items():
        if name in taken:  # only where it was so before there were such views
            _logger.warning("a table has the name of a view", extra={"table": name})
        else:
            _make_view(sql, name, query)


def _make_view(sql: duckdb.DuckDBPyConnection, name: str, query: str) -> None:
    sql.execute(f"CREATE OR REPLACE VIEW main.{quoted(name)} AS {query}")


def users_views(sql: duckdb.DuckDBPyConnection) -> dict[str, str]:
    """What users see of versioned tables: each view, and the table that it is of."""
    found = sql.execute("SELECT view_name FROM duckdb_views() WHERE schema_name = 'main'")
    present = {name for (name,) in found.fetchall()}
    tables = cost_tables(sql)
    return {
        name: table
        for table in tables
        for name in (table, *views_of(table))
        if name in present and (name == table or name not in tables)
    }


def ensure_views(sql: duckdb.DuckDBPyConnection) -> None:
    """Make the views that tables of an earlier version, or of a moment ago, do not have yet."""
    present = users_views(sql)
    for table in sorted(cost_tables(sql)):
        if not present.keys() >= {table, *views_of(table)}:
            refresh_view(sql, table)


def source_names(sql: duckdb.DuckDBPyConnection, table: str) -> dict[str, int]:
    """The sources of a table, and the numbers that stand for them."""
    return dict(
        sql.execute(
            "SELECT name, id FROM costwire.sources WHERE table_name = ?", [table]
        ).fetchall()
    )


def source_id(sql: duckdb.DuckDBPyConnection, table: str, name: str) -> int:
    """The number that stands for a source in the table's rows."""
    found = sql.execute(
        "SELECT id FROM costwire.sources WHERE table_name = ? AND name = ?", [table, name]
    ).fetchall()
    if found:
        return int(found[0][0])
    made = sql.execute(
        "INSERT INTO costwire.sources VALUES (nextval('costwire.source_ids'), ?, ?) RETURNING id",
        [table, name],
    ).fetchall()
    return int(made[0][0])
