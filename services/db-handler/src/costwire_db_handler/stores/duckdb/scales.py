"""Scales of the tables' DECIMAL columns."""

from __future__ import annotations

from collections.abc import Mapping

import duckdb

from costwire_db_handler.names import quoted
from costwire_db_handler.stores.duckdb.catalog import current, history, refresh_view
from costwire_focus.typed import DIGITS


def scales(sql: duckdb.DuckDBPyConnection, table: str, names: Mapping[str, str]) -> dict[str, int]:
    """The scale of each amount column; `names`: column -> SQL name."""
    rows = sql.execute(
        "SELECT column_name, numeric_scale FROM duckdb_columns() "
        "WHERE schema_name = 'costwire' AND table_name = ? AND data_type LIKE 'DECIMAL%'",
        [table + "__current"],
    ).fetchall()
    found = {name: int(scale) for name, scale in rows}
    return {column: found[name] for column, name in names.items() if name in found}


def widen(
    sql: duckdb.DuckDBPyConnection,
    table: str,
    names: Mapping[str, str],
    present: Mapping[str, int],
    wanted: Mapping[str, int],
) -> None:
    """Give columns the scales that are larger than their present ones."""
    wider = {column: scale for column, scale in wanted.items() if scale > present[column]}
    for column, scale in wider.items():
        for target in (current(table), history(table)):
            kind = f"DECIMAL({DIGITS},{scale})"
            sql.execute(f"ALTER TABLE {target} ALTER {quoted(names[column])} TYPE {kind}")
    if wider:
        refresh_view(sql, table)


def integer_digits(sql: duckdb.DuckDBPyConnection, table: str, column: str) -> int:
    """Digits before the point of the largest amount that the table holds; 0 below 1."""
    largest = " UNION ALL ".join(
        f"SELECT max(abs({quoted(column)})) AS amount FROM {target}"
        for target in (current(table), history(table))
    )
    found = sql.execute(f"SELECT max(trunc(amount))::VARCHAR FROM ({largest})").fetchall()[0][0]
    digits = str(found or "0").partition(".")[0].lstrip("0")
    return len(digits)
