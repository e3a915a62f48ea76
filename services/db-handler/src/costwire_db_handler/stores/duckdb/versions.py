"""The versions of a table's charges: what readers see, what they saw once, what was set aside."""

from __future__ import annotations

from collections.abc import Sequence

import duckdb
import pyarrow as pa

from costwire_db_handler.charges.difference import ADDED, KEYS, REMOVED
from costwire_db_handler.charges.scope import PresentPeriod
from costwire_db_handler.names import quoted
from costwire_db_handler.stores.duckdb.catalog import current, history
from costwire_db_handler.stores.duckdb.incoming import Incoming
from costwire_focus.amounts import COST_COLUMNS, NO_CURRENCY, CostSums

_BATCH_ROWS = 20_000


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
    """Rows and exact sums of what stands in a table: the ledger's own look at the store."""
    columns = {row[0] for row in sql.execute(f"DESCRIBE {relation}").fetchall()}
    costs = [name for name in COST_COLUMNS if name in columns]
    currency = (
        f"coalesce(\"BillingCurrency\", '{NO_CURRENCY}')"
        if "BillingCurrency" in columns
        else f"'{NO_CURRENCY}'"
    )
    chosen = ", ".join([f'{currency} AS "BillingCurrency"', *map(quoted, costs)])
    query = f"SELECT {chosen} FROM {relation} WHERE {where}"
    reader = sql.sql(query, params=list(parameters)).to_arrow_reader(_BATCH_ROWS)
    rows, sums = 0, CostSums()
    for batch in reader:
        rows += batch.num_rows
        sums.add_typed(pa.Table.from_batches([batch]))
    return rows, sums
