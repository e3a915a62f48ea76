"""Scales of DECIMAL columns: widened while 38 digits allow, so that no amount is ever rounded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from costwire_db_handler.names import quoted
from costwire_db_handler.stores.duckdb.catalog import current, history, refresh_view
from costwire_db_handler.stores.duckdb.prepare import CELL, ROW
from costwire_db_handler.stores.duckdb.staging import Staging
from costwire_focus.amounts import EXACT
from costwire_focus.typed import DIGITS, SCALES, fits


@dataclass(frozen=True)
class Fit:
    """How the amounts of a delivery fit into the columns of a table."""

    scales: dict[str, int] = field(default_factory=dict)
    """column -> the scale that its column has, or is to get."""
    unfit: dict[int, str] = field(default_factory=dict)
    """Rows with an amount that has more digits than its column can hold -> that column."""

    def without_unfit(self, part: pa.Table) -> pa.Table:
        """The rows of a staged part that fit."""
        if not self.unfit:
            return part
        unfit = pc.is_in(part.column(ROW), value_set=pa.array(list(self.unfit), pa.int64()))
        return part.filter(pc.invert(unfit))


def fit(
    sql: duckdb.DuckDBPyConnection, table: str, names: Mapping[str, str], staging: Staging
) -> Fit:
    """Choose for each amount column the scale that loses no digit, and widen the table to it.

    Where no scale does (very large and very fine amounts in one column), the one that refuses the
    fewest charges; those are told, never rounded.
    """
    present = _scales(sql, table)
    staged = _staged_scales(staging)
    result = Fit()
    changed = False
    for column, scales in staged.items():
        sql_name = names[column]
        now = present[sql_name]
        target = max(now, *scales)
        if scales != {now}:
            room = DIGITS - _integer_digits(sql, table, sql_name)
            target = _best_scale(staging, column, now, target, room, result.unfit)
        result.scales[column] = target
        if target > now:
            _alter(sql, table, sql_name, target)
            changed = True
    if changed:
        refresh_view(sql, table)
    return result


def _staged_scales(staging: Staging) -> dict[str, set[int]]:
    scales: dict[str, set[int]] = {}
    for schema in staging.schemas():
        for item in schema:
            if item.name.startswith(CELL) and pa.types.is_decimal(item.type):
                scales.setdefault(item.name.removeprefix(CELL), set()).add(item.type.scale)
    return scales


def _best_scale(
    staging: Staging, column: str, now: int, wanted: int, room: int, unfit: dict[int, str]
) -> int:
    if wanted <= room and not _unfit_rows(staging, column, wanted):
        return wanted
    candidates = sorted({now, *(s for s in (*SCALES, room) if now <= s <= room)}, reverse=True)
    refused = {scale: _unfit_rows(staging, column, scale) for scale in candidates}
    best = min(candidates, key=lambda scale: (len(refused[scale]), -scale))
    unfit.update(dict.fromkeys(refused[best], column))
    return best


def _unfit_rows(staging: Staging, column: str, scale: int) -> list[int]:
    """The rows whose amount is not exact, or too large, in this scale."""
    target = pa.decimal128(DIGITS, scale)
    rows: list[int] = []
    for part in staging.read([CELL + column, ROW]):
        if CELL + column not in part.column_names:
            continue
        amounts = part.column(CELL + column)
        try:
            pc.cast(amounts, target)
        except pa.ArrowInvalid:
            unfit = pc.invert(fits(pc.cast(amounts, EXACT), scale))
            rows += part.column(ROW).filter(unfit).to_pylist()
    return rows


def _scales(sql: duckdb.DuckDBPyConnection, table: str) -> dict[str, int]:
    rows = sql.execute(
        "SELECT column_name, numeric_scale FROM duckdb_columns() "
        "WHERE schema_name = 'costwire' AND table_name = ? AND data_type LIKE 'DECIMAL%'",
        [table + "__current"],
    ).fetchall()
    return {name: int(scale) for name, scale in rows}


def _alter(sql: duckdb.DuckDBPyConnection, table: str, column: str, scale: int) -> None:
    for target in (current(table), history(table)):
        sql.execute(f"ALTER TABLE {target} ALTER {quoted(column)} TYPE DECIMAL({DIGITS},{scale})")


def _integer_digits(sql: duckdb.DuckDBPyConnection, table: str, column: str) -> int:
    """Digits before the point of the largest amount that the table holds."""
    largest = " UNION ALL ".join(
        f"SELECT max(abs({quoted(column)})) AS amount FROM {target}"
        for target in (current(table), history(table))
    )
    found = sql.execute(
        f"SELECT max(len(split_part(amount::VARCHAR, '.', 1))) FROM ({largest})"
    ).fetchall()[0][0]
    return int(found or 1)
