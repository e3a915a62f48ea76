"""What a delivery changes: the comparison of multisets, and writing only the difference."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import duckdb
import pyarrow as pa

from costwire_db_handler.decide import Period
from costwire_db_handler.names import quoted
from costwire_db_handler.stores.duckdb.catalog import current, history
from costwire_db_handler.stores.duckdb.incoming import KEYS, NAMED, Incoming
from costwire_focus.amounts import COST_COLUMNS, NO_CURRENCY, CostSums
from costwire_focus.manifest import month_of

_BATCH_ROWS = 20_000
ADDED = "SELECT row FROM added"


@dataclass(frozen=True)
class Difference:
    """What a delivery would change of what readers see."""

    rows: int
    added: int
    removed: int
    corrected: int
    periods: list[Period]

    @property
    def unchanged(self) -> int:
        """Charges of the delivery that stand there already."""
        return self.rows - self.added


def scope_periods(
    sql: duckdb.DuckDBPyConnection, table: str, source: int, declared: Sequence[str] | None
) -> list[str]:
    """The billing periods that the loaded delivery is the new state of.

    Those that its charges name, and of the charges there already those of a declared month. Where
    one month is declared, charges that name no period belong to it, also those there already.
    """
    named = {p for (p,) in sql.execute(f"SELECT period FROM {NAMED}").fetchall()}
    if declared:
        named |= {
            period
            for period, start, end in _present_periods(sql, table, source)
            if (month_of(start, end) in declared if start is not None else len(declared) == 1)
        }
    return sorted(named)


def _present_periods(
    sql: duckdb.DuckDBPyConnection, table: str, source: int
) -> list[tuple[str, datetime | None, datetime | None]]:
    columns = {row[0] for row in sql.execute(f"DESCRIBE {current(table)}").fetchall()}
    end = '"BillingPeriodEnd"' if "BillingPeriodEnd" in columns else "NULL"
    return sql.execute(
        f"SELECT DISTINCT _period, TRY_CAST(_period AS TIMESTAMP), {end} "
        f"FROM {current(table)} WHERE _source = ?",
        [source],
    ).fetchall()


def loaded(sql: duckdb.DuckDBPyConnection) -> int:
    """How many charges of the delivery are loaded."""
    return int(sql.execute(f"SELECT count(*) FROM {KEYS}").fetchall()[0][0])


def compare(
    sql: duckdb.DuckDBPyConnection, table: str, source: int, periods: Sequence[str]
) -> Difference:
    """Compare the loaded delivery with the current charges of its scope, copies counted.

    Fills the temporary tables `added` (rows of the delivery) and `removed` (row ids of current).
    """
    scope = f"FROM {current(table)} WHERE _source = ? AND list_contains(?, _period)"
    parameters = [source, list(periods)]
    before = sql.execute(f"SELECT _period, count(*) {scope} GROUP BY ALL", parameters).fetchall()
    if not before:
        return nothing_present(sql)
    sql.execute(
        "CREATE OR REPLACE TEMP TABLE present AS SELECT rowid AS id, _content AS content, "
        f"row_number() OVER (PARTITION BY _content ORDER BY rowid) AS copy {scope}",
        parameters,
    )
    sql.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE added AS
        SELECT row, dimensions FROM (
            SELECT *, row_number() OVER (PARTITION BY content ORDER BY row) AS copy FROM {KEYS}
        ) AS incoming ANTI JOIN present USING (content, copy);
        CREATE OR REPLACE TEMP TABLE removed AS
        SELECT gone.id, _dimensions AS dimensions, _period AS period
        FROM (
            SELECT id FROM present ANTI JOIN (
                SELECT content, row_number() OVER (PARTITION BY content ORDER BY row) AS copy
                FROM {KEYS}
            ) AS incoming USING (content, copy)
        ) AS gone JOIN {current(table)} AS charge ON charge.rowid = gone.id;
        DROP TABLE present"""
    )
    return _difference(sql, dict(before))


def nothing_present(sql: duckdb.DuckDBPyConnection) -> Difference:
    """The comparison for a delivery that replaces nothing: all of it is added."""
    sql.execute(
        f"CREATE OR REPLACE TEMP TABLE added AS SELECT row, dimensions FROM {KEYS};"
        "CREATE OR REPLACE TEMP TABLE removed (id BIGINT, dimensions UHUGEINT, period VARCHAR)"
    )
    return _difference(sql, {})


def _difference(sql: duckdb.DuckDBPyConnection, before: Mapping[str, int]) -> Difference:
    """Count; added and removed charges of equal dimensions are corrected, as many as pair up."""
    added, removed = sql.execute(
        "SELECT (SELECT count(*) FROM added), (SELECT count(*) FROM removed)"
    ).fetchall()[0]
    sql.execute(
        """
        CREATE OR REPLACE TEMP TABLE paired AS
        SELECT dimensions, least(a.n, r.n) AS pairs
        FROM (SELECT dimensions, count(*) AS n FROM added GROUP BY ALL) AS a
        JOIN (SELECT dimensions, count(*) AS n FROM removed GROUP BY ALL) AS r USING (dimensions)"""
    )
    corrected = sql.execute("SELECT coalesce(sum(pairs), 0)::BIGINT FROM paired").fetchall()[0][0]
    gone = sql.execute(
        """
        SELECT period, count(*) FROM (
            SELECT period, dimensions,
                   row_number() OVER (PARTITION BY dimensions ORDER BY id) AS copy
            FROM removed
        ) LEFT JOIN paired USING (dimensions)
        WHERE copy > coalesce(pairs, 0) GROUP BY period"""
    ).fetchall()
    withdrawn = dict(gone)
    periods = [Period(name, n, withdrawn.get(name, 0)) for name, n in sorted(before.items())]
    return Difference(loaded(sql), added, removed, corrected, periods)


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


def present_rows(
    sql: duckdb.DuckDBPyConnection, table: str, source: int, commit: int | None
) -> int:
    """How many charges that a commit brought readers still see."""
    found = sql.execute(
        f"SELECT count(*) FROM {current(table)} WHERE _source = ? AND _commit = ?",
        [source, commit],
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
        "WHERE rowid IN (SELECT id FROM removed)"
    )
    sql.execute(f"DELETE FROM {current(table)} WHERE rowid IN (SELECT id FROM removed)")
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
