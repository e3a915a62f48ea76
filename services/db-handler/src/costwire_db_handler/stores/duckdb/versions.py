"""The versions of a table's charges: what readers see, what they saw once, what was set aside."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

import duckdb
import pyarrow as pa

from costwire_db_handler.charges.difference import ADDED, KEYS, REMOVED
from costwire_db_handler.charges.scope import PresentPeriod
from costwire_db_handler.names import quoted
from costwire_db_handler.stores.duckdb.catalog import current, history
from costwire_db_handler.stores.duckdb.incoming import Incoming
from costwire_focus.amounts import COST_COLUMNS, NO_CURRENCY, CostSums
from costwire_focus.typed import DIGITS

_BATCH_ROWS = 20_000
_ZERO = Decimal(0)


def present_periods(
    sql: duckdb.DuckDBPyConnection, table: str, source: int | None
) -> list[PresentPeriod]:
    """The billing periods of which readers see charges of a source; None: of any."""
    where, parameters = ("", []) if source is None else (" WHERE _source = ?", [source])
    columns = {row[0] for row in sql.execute(f"DESCRIBE {current(table)}").fetchall()}
    end = '"BillingPeriodEnd"' if "BillingPeriodEnd" in columns else "NULL"
    found = sql.execute(
        f"SELECT DISTINCT _period, TRY_CAST(_period AS TIMESTAMP), {end} "
        f"FROM {current(table)}{where}",
        parameters,
    ).fetchall()
    return [PresentPeriod(*row) for row in found]


def seen_keys(table: str) -> str:
    """The query of what readers see of a source (1st parameter) in some periods (2nd)."""
    return (
        "SELECT rowid AS id, _content AS content, _dimensions AS dimensions, _period AS period "
        f"FROM {current(table)} WHERE _source = ? AND list_contains(?, _period)"
    )


def found_elsewhere(sql: duckdb.DuckDBPyConnection, table: str, source: int) -> dict[str, int]:
    """How many of the loaded charges each other source has now, copies counted."""
    found = sql.execute(
        f"""
        SELECT name, sum(least(mine.n, theirs.n))::BIGINT
        FROM (SELECT content, count(*) AS n FROM {KEYS} GROUP BY ALL) AS mine
        JOIN (
            SELECT _content AS content, _source, count(*) AS n FROM {current(table)}
            WHERE _source <> ? GROUP BY ALL
        ) AS theirs USING (content)
        JOIN costwire.sources ON id = _source
        GROUP BY name""",
        [source],
    ).fetchall()
    return dict(found)


def removed_of(sql: duckdb.DuckDBPyConnection, table: str, states: Sequence[int]) -> int:
    """How many of the charges that are to be closed these states brought."""
    found = sql.execute(
        f"SELECT count(*) FROM {current(table)} "
        f"WHERE rowid IN ({REMOVED}) AND list_contains(?, _commit)",
        [list(states)],
    ).fetchall()
    return int(found[0][0])


def apply(
    sql: duckdb.DuckDBPyConnection, table: str, incoming: Incoming, source: int, commit: int
) -> None:
    """Close what the delivery no longer has, and add what is new in it."""
    columns = [row[0] for row in sql.execute(f"DESCRIBE {current(table)}").fetchall()]
    names = ", ".join(map(quoted, columns))
    sql.execute(
        f"INSERT INTO {history(table)} ({names}, _ended) "
        f"SELECT {names}, {commit:d} FROM {current(table)} "
        f"WHERE rowid IN ({REMOVED})"
    )
    sql.execute(f"DELETE FROM {current(table)} WHERE rowid IN ({REMOVED})")
    incoming.insert(sql, current(table), ADDED, {"_source": source, "_commit": commit})


def keep_unseen(
    sql: duckdb.DuckDBPyConnection, table: str, incoming: Incoming, source: int, commit: int
) -> None:
    """Store a delivery so that no reader sees it: opened and closed by the same commit."""
    incoming.insert(
        sql,
        history(table),
        f"SELECT row FROM {KEYS}",
        {"_source": source, "_commit": commit, "_ended": commit},
    )


def stored_sums(
    sql: duckdb.DuckDBPyConnection, relation: str, where: str, parameters: Sequence[object]
) -> tuple[int, CostSums]:
    """Rows and exact sums of what stands in a table: the ledger's own look at the store.

    The engine adds up where it has room for every sum that there could be: one that is too large
    would be an error, and end the transaction.
    """
    columns = {row[0] for row in sql.execute(f"DESCRIBE {relation}").fetchall()}
    costs = [name for name in COST_COLUMNS if name in columns]
    currency = (
        f"coalesce(\"BillingCurrency\", '{NO_CURRENCY}')"
        if "BillingCurrency" in columns
        else f"'{NO_CURRENCY}'"
    )
    chosen = f"FROM {relation} WHERE {where}"
    extremes = [f"{side}({quoted(name)})" for name in costs for side in ("min", "max")]
    query = f"SELECT {', '.join(['count(*)', *extremes])} {chosen}"
    ((rows, *found),) = sql.execute(query, list(parameters)).fetchall()
    if all(_has_room(amount, rows) for amount in found if amount is not None):
        sums = ", ".join([currency, *(f"sum({quoted(name)})" for name in costs)])
        told = sql.execute(f"SELECT {sums} {chosen} GROUP BY 1", list(parameters)).fetchall()
        return rows, CostSums.of(
            {
                name: {cost: total or _ZERO for cost, total in zip(costs, totals, strict=True)}
                for name, *totals in told
            }
        )
    names = ", ".join([f'{currency} AS "BillingCurrency"', *map(quoted, costs)])
    counted = CostSums()
    reader = sql.sql(f"SELECT {names} {chosen}", params=list(parameters))
    for batch in reader.to_arrow_reader(_BATCH_ROWS):
        counted.add_typed(pa.Table.from_batches([batch]))
    return rows, counted


def _has_room(amount: Decimal, rows: int) -> bool:
    """Whether so many amounts, none further from 0, have a sum that the column's type can hold."""
    return len(amount.as_tuple().digits) + len(str(rows)) <= DIGITS
