"""What a delivery changes: the comparison of multisets, in the temporary tables of a DuckDB.

It has the keys of the delivery's charges, and a relation of those that readers see: `id`,
`content`, `dimensions`, `period`. The result are the tables `added` (`row`) and `removed` (`id`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from costwire_db_handler.charges.hashes import HASH
from costwire_db_handler.charges.prepare import HASHES, ROW
from costwire_db_handler.decide import Period

Rows = npt.NDArray[np.int64]
KEYS = "incoming"
"""The temporary table of the delivery's charges: row, content, dimensions."""
NAMED = "named_periods"
"""The temporary table of the billing periods that they name."""
ADDED = "SELECT row FROM added"
REMOVED = "SELECT id FROM removed"

KEY_SCHEMA = pa.schema([(ROW, pa.int64()), *((name, HASH) for name in HASHES)])


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


def new_keys(sql: duckdb.DuckDBPyConnection) -> None:
    """Make the tables of the delivery's keys anew."""
    sql.execute(
        f"CREATE OR REPLACE TEMP TABLE {KEYS} "
        "(row BIGINT, content UHUGEINT, dimensions UHUGEINT);"
        f"CREATE OR REPLACE TEMP TABLE {NAMED} (period VARCHAR PRIMARY KEY)"
    )


def fill_keys(sql: duckdb.DuckDBPyConnection, batches: Iterator[pa.RecordBatch]) -> None:
    """Stream keys of `KEY_SCHEMA` through one statement.

    A statement for each part would take whole blocks of the engine for a few rows.
    """
    sql.register("keys", pa.RecordBatchReader.from_batches(KEY_SCHEMA, batches))
    sql.execute(f"INSERT INTO {KEYS} SELECT {ROW}, {', '.join(HASHES)} FROM keys")
    sql.unregister("keys")


def name_periods(sql: duckdb.DuckDBPyConnection, periods: Iterable[str]) -> None:
    """Note the billing periods that the delivery's charges name."""
    sql.execute(f"INSERT INTO {NAMED} SELECT DISTINCT unnest(?::VARCHAR[])", [list(periods)])


def named_periods(sql: duckdb.DuckDBPyConnection) -> set[str]:
    """The billing periods that the delivery's charges name."""
    return {period for (period,) in sql.execute(f"SELECT period FROM {NAMED}").fetchall()}


def loaded(sql: duckdb.DuckDBPyConnection) -> int:
    """How many charges of the delivery are loaded."""
    return int(sql.execute(f"SELECT count(*) FROM {KEYS}").fetchall()[0][0])


def compare(
    sql: duckdb.DuckDBPyConnection, relation: str, parameters: Sequence[object] = ()
) -> Difference:
    """Compare the delivery with what readers see of its scope, copies counted.

    `relation`: a query of that, with these parameters.
    """
    seen = f"({relation}) AS seen"
    before = sql.execute(
        f"SELECT period, count(*) FROM {seen} GROUP BY ALL", list(parameters)
    ).fetchall()
    if not before:
        return nothing_present(sql)
    sql.execute(
        "CREATE OR REPLACE TEMP TABLE present AS SELECT id, content, "
        f"row_number() OVER (PARTITION BY content ORDER BY id) AS copy FROM {seen}",
        list(parameters),
    )
    sql.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE added AS
        SELECT row, dimensions FROM (
            SELECT *, row_number() OVER (PARTITION BY content ORDER BY row) AS copy FROM {KEYS}
        ) AS incoming ANTI JOIN present USING (content, copy);
        CREATE OR REPLACE TEMP TABLE gone AS
        SELECT id FROM present ANTI JOIN (
            SELECT content, row_number() OVER (PARTITION BY content ORDER BY row) AS copy
            FROM {KEYS}
        ) AS incoming USING (content, copy);
        DROP TABLE present"""
    )
    sql.execute(
        "CREATE OR REPLACE TEMP TABLE removed AS "
        f"SELECT id, dimensions, period FROM gone JOIN {seen} USING (id)",
        list(parameters),
    )
    sql.execute("DROP TABLE gone")
    return _difference(sql, dict(before))


def beside(
    sql: duckdb.DuckDBPyConnection,
    relation: str,
    dropped: pa.Array,
    parameters: Sequence[object] = (),
) -> Difference:
    """Compare what is seen and the delivery together with what is seen, copies counted.

    `dropped`: contents (`HASH`) of charges that are no longer to be seen; of copies the last go.
    """
    seen = f"({relation}) AS seen"
    before = sql.execute(
        f"SELECT period, count(*) FROM {seen} GROUP BY ALL", list(parameters)
    ).fetchall()
    sql.register("contents", pa.table({"content": dropped}))
    sql.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE dropped AS
        SELECT content, count(*) AS n FROM contents GROUP BY ALL;
        CREATE OR REPLACE TEMP TABLE added AS
        SELECT row, dimensions FROM (
            SELECT *, row_number() OVER (PARTITION BY content ORDER BY row) AS copy FROM {KEYS}
        ) LEFT JOIN dropped USING (content) WHERE copy > coalesce(n, 0);
        CREATE OR REPLACE TEMP TABLE leaving AS
        SELECT content, n - coalesce(came, 0) AS n FROM dropped LEFT JOIN (
            SELECT content, count(*) AS came FROM {KEYS} GROUP BY ALL
        ) USING (content) WHERE n > coalesce(came, 0)"""
    )
    sql.unregister("contents")
    sql.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE removed AS SELECT id, dimensions, period FROM (
            SELECT *, row_number() OVER (PARTITION BY content ORDER BY id DESC) AS copy
            FROM {seen} SEMI JOIN leaving USING (content)
        ) JOIN leaving USING (content) WHERE copy <= n""",
        list(parameters),
    )
    sql.execute("DROP TABLE dropped; DROP TABLE leaving")
    present = dict(before)
    rows = "SELECT (SELECT count(*) FROM added) - (SELECT count(*) FROM removed)"
    ((grown,),) = sql.execute(rows).fetchall()
    return replace(_difference(sql, present), rows=sum(present.values()) + grown)


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
        SELECT period, count(*) FILTER (copy > coalesce(pairs, 0)), count(*) FROM (
            SELECT period, dimensions,
                   row_number() OVER (PARTITION BY dimensions ORDER BY id) AS copy
            FROM removed
        ) LEFT JOIN paired USING (dimensions)
        GROUP BY period"""
    ).fetchall()
    figures = {period: (withdrawn, all_) for period, withdrawn, all_ in gone}
    periods = [Period(name, n, *figures.get(name, (0, 0))) for name, n in sorted(before.items())]
    return Difference(loaded(sql), added, removed, corrected, periods)


def chosen(sql: duckdb.DuckDBPyConnection, rows: str = ADDED) -> Rows | None:
    """The delivery's rows of a query, sorted; None when these are all."""
    counts = f"SELECT (SELECT count(*) FROM ({rows})), (SELECT count(*) FROM {KEYS})"
    ((wanted, all_rows),) = sql.execute(counts).fetchall()
    if wanted == all_rows:
        return None
    return sql.execute(f"SELECT row FROM ({rows}) ORDER BY row").fetchnumpy()["row"]
