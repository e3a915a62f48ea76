"""Exchange rates in the file."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal

import duckdb

from costwire_db_handler.answers.rates import Pair, Rate, differ, merged
from costwire_db_handler.stores.duckdb.database import Database


class DuckDBRates:
    """Where the rates are kept."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def list(self) -> Sequence[Rate]:
        """All rates, in order."""
        with self._database.reading() as sql:
            return _all(sql)

    def put(self, rates: Sequence[Rate]) -> int:
        """Keep rates, instead of earlier ones; how many changed. Raises `RateFrozen`."""
        with self._database.writing() as sql:
            changed = merged({rate.pair: rate for rate in _all(sql)}, rates)
            _write(sql, changed)
        return len(changed)

    def freeze(self, rates: Sequence[Rate]) -> bool:
        """Freeze rates that were used; False where one has become another since."""
        with self._database.writing() as sql:
            known = {rate.pair: rate for rate in _all(sql)}
            if any(differ(known[rate.pair], rate) for rate in rates):
                return False
            _write(sql, [rate for rate in rates if known[rate.pair].frozen is None])
        return True


def _all(sql: duckdb.DuckDBPyConnection) -> Sequence[Rate]:
    rows = sql.execute(
        "SELECT month, base, target, rate, source, frozen FROM costwire.rates ORDER BY ALL"
    ).fetchall()
    return [
        Rate(Pair(*pair), Decimal(rate), source, frozen and frozen.replace(tzinfo=UTC))
        for *pair, rate, source, frozen in rows
    ]


def _write(sql: duckdb.DuckDBPyConnection, rates: Sequence[Rate]) -> None:
    for rate in rates:
        sql.execute(
            "INSERT OR REPLACE INTO costwire.rates VALUES (?, ?, ?, ?, ?, ?)",
            [*rate.pair, str(rate.rate), rate.source, _stored(rate.frozen)],
        )


def _stored(moment: datetime | None) -> datetime | None:
    return None if moment is None else moment.astimezone(UTC).replace(tzinfo=None)
