"""Runs checked statements of users on a connection of their own, within limits."""

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

import duckdb
import pyarrow as pa

from costwire_db_handler.sql.arguments import converted
from costwire_db_handler.sql.checked import BulkItem, Checked, Kind, Result
from costwire_db_handler.sql.errors import (
    EngineFailed,
    MemoryExceeded,
    QueryTimedOut,
    ResultTooLarge,
    SqlError,
    UnsupportedFeature,
    VersionConflict,
)
from costwire_db_handler.stores.duckdb.failures import translate
from costwire_db_handler.stores.duckdb.headroom import Headroom
from costwire_db_handler.stores.duckdb.watchdog import MIB, Stopped, Watch, Watchdog

_BATCH_ROWS = 1_024
_BULK_STEP = 250
_CONFLICT_TRIES = 5
_CONFLICT_PAUSE_SECONDS = 0.02
_ENGINE_ERRORS = (duckdb.Error, pa.ArrowException, MemoryError, RuntimeError, OSError)

_log = logging.getLogger(__name__)

Connection = duckdb.DuckDBPyConnection
Outcome = TypeVar("Outcome")


@dataclass(frozen=True)
class Limits:
    """What one statement may take."""

    timeout_seconds: float = 30.0
    max_rows: int = 100_000
    max_result_bytes: int = 64 * MIB


class Ownership(Protocol):
    """Where the store notes whose a table is, in the transaction that makes or drops it."""

    def created(self, connection: Connection, table: str, user: str) -> None:
        """Note the owner of a new table."""

    def dropped(self, connection: Connection, table: str) -> None:
        """Forget a table."""


class Sandbox:
    """Runs statements; each call wants a cursor that nobody else uses meanwhile.

    `headroom`: limits the growth of the process; whoever gives one also lifts it for deliveries.
    """

    def __init__(
        self,
        watchdog: Watchdog,
        ownership: Ownership,
        limits: Limits | None = None,
        headroom: Headroom | None = None,
    ) -> None:
        self._watchdog = watchdog
        self._headroom = headroom
        self._ownership = ownership
        self._limits = Limits() if limits is None else limits

    def run(
        self, connection: Connection, checked: Checked, arguments: Sequence[Any] = ()
    ) -> Result:
        """Run a statement with one row of arguments.

        Raises: a `SqlError`, whatever went wrong.
        """
        if checked.kind is Kind.NOTHING:
            return Result((), (), (), checked.rowcount)
        row = converted(arguments, checked.conversions)
        if checked.kind is Kind.SELECT:
            with self._transaction(connection, "BEGIN TRANSACTION READ ONLY", "ROLLBACK") as watch:
                return self._rows(connection, checked, row, watch)
        return _again_on_conflict(lambda: self._change(connection, checked, row))

    def run_bulk(
        self, connection: Connection, checked: Checked, rows: Sequence[Sequence[Any]]
    ) -> list[BulkItem]:
        """Run a statement once for each row of arguments: all in one transaction.

        A row that breaks a constraint fails alone, as on CrateDB; then every row is a transaction
        of its own. Any other error stores nothing.
        Raises: a `SqlError` that is not the fault of a single row.
        """
        if checked.kind is Kind.NOTHING:
            return [BulkItem(checked.rowcount) for _ in rows]
        if checked.kind not in {Kind.INSERT, Kind.UPDATE, Kind.DELETE} or checked.returns_rows:
            raise UnsupportedFeature("bulk arguments are for INSERT, UPDATE and DELETE")
        given = [converted(row, checked.conversions) for row in rows]
        if not given:
            return []
        try:
            return _again_on_conflict(lambda: self._all_at_once(connection, checked, given))
        except _RowRefused:
            return self._one_by_one(connection, checked, given)

    def _all_at_once(
        self, connection: Connection, checked: Checked, rows: Sequence[Sequence[Any]]
    ) -> list[BulkItem]:
        done: list[BulkItem] = []
        with self._transaction(connection, "BEGIN TRANSACTION", "COMMIT") as watch:
            for start in range(0, len(rows), _BULK_STEP):
                step = rows[start : start + _BULK_STEP]
                try:
                    done += _run_step(connection, checked, step, watch)
                except duckdb.ConstraintException as refused:
                    raise _RowRefused from refused
        return done

    def _one_by_one(
        self, connection: Connection, checked: Checked, rows: Sequence[Sequence[Any]]
    ) -> list[BulkItem]:
        done: list[BulkItem] = []
        deadline = time.monotonic() + self._limits.timeout_seconds
        for row in rows:
            if time.monotonic() > deadline:
                raise self._too_slow(f"; {len(done):,} of {len(rows):,} items are done")
            try:
                done += _again_on_conflict(
                    lambda row=row: self._all_at_once(connection, checked, [row])  # type: ignore[misc]
                )
            except _RowRefused as refused:
                done.append(BulkItem(-2, translate(refused.__cause__ or refused)))
        return done

    def _change(self, connection: Connection, checked: Checked, row: list[Any]) -> Result:
        with self._transaction(connection, "BEGIN TRANSACTION", "COMMIT") as watch:
            result = (
                self._rows(connection, checked, row, watch)
                if checked.returns_rows
                else Result((), (), (), _changed_rows(connection, checked, row))
            )
            if checked.kind is Kind.CREATE_TABLE and checked.target:
                self._ownership.created(connection, checked.target, checked.user)
            elif checked.kind is Kind.DROP_TABLE and checked.target:
                self._ownership.dropped(connection, checked.target)
        return result

    def _rows(
        self, connection: Connection, checked: Checked, row: list[Any], watch: Watch
    ) -> Result:
        relation = connection.sql(checked.sql, params=row or None)
        if relation is None:
            return Result((), (), (), 0)
        names, types = list(relation.columns), [str(kind) for kind in relation.types]
        batches: list[pa.RecordBatch] = []
        rows = size = 0
        reader = None
        try:
            reader = relation.to_arrow_reader(_BATCH_ROWS)
            for batch in reader:
                rows += batch.num_rows
                size += batch.nbytes
                self._check_size(rows, size)
                if watch.stopped is not None:
                    raise self._stopped(watch)
                batches.append(batch)
        except BaseException:
            # An exception keeps this frame, and with it all that the frame still names.
            batch = None
            batches.clear()
            raise
        finally:
            if reader is not None:
                reader.close()
            del reader, relation
        return Result(names, types, batches, rows)

    def _check_size(self, rows: int, size: int) -> None:
        if rows > self._limits.max_rows:
            raise ResultTooLarge(
                f"the result has more than {self._limits.max_rows:,} rows: "
                "add a LIMIT, a narrower WHERE, or aggregate"
            )
        if size > self._limits.max_result_bytes:
            raise ResultTooLarge(
                f"the result has more than {self._limits.max_result_bytes // MIB:,} MiB: "
                "select fewer columns or rows"
            )

    @contextmanager
    def reading(self, connection: Connection) -> Iterator[None]:
        """One state of the store, to be read within the limits; raises a `SqlError`."""
        with self._transaction(connection, "BEGIN TRANSACTION READ ONLY", "ROLLBACK"):
            yield

    @contextmanager
    def _transaction(self, connection: Connection, begin: str, end: str) -> Iterator[Watch]:
        """A watched transaction; its end is not watched, so that no commit is ever stopped."""
        watch: Watch | None = None
        self._watchdog.wait_for_room()
        try:
            connection.execute(begin)
            seconds = self._limits.timeout_seconds
            with (
                self._headroom.bounded() if self._headroom else nullcontext(),
                self._watchdog.watch(connection, timeout_seconds=seconds) as watch,
            ):
                yield watch
            connection.execute(end)
        except _RowRefused:
            _roll_back(connection)
            raise
        except (*_ENGINE_ERRORS, SqlError) as error:
            _roll_back(connection)
            if watch is not None and watch.stopped is not None:
                raise self._stopped(watch) from None
            failure = translate(error)
            if type(failure) is EngineFailed:
                _log.warning("A statement of a user failed", exc_info=error)
            raise failure from None
        except BaseException:
            _roll_back(connection)
            raise

    def _stopped(self, watch: Watch) -> SqlError:
        if watch.stopped is Stopped.TIME:
            return self._too_slow()
        return MemoryExceeded(
            "the statement was stopped because the handler ran short of memory: "
            "select fewer rows, or try again when less is going on"
        )

    def _too_slow(self, more: str = "") -> SqlError:
        return QueryTimedOut(
            f"the statement ran longer than {self._limits.timeout_seconds:g} seconds{more}"
        )


class _RowRefused(Exception):
    """A constraint refused a row; the reason is the cause."""


def _run_step(
    connection: Connection, checked: Checked, rows: Sequence[Sequence[Any]], watch: Watch
) -> list[BulkItem]:
    if watch.stopped is not None:
        raise duckdb.InterruptException("stopped between two rows")
    if checked.plain_insert:
        connection.executemany(checked.sql, [list(row) for row in rows])
        return [BulkItem(1)] * len(rows)
    return [BulkItem(_changed_rows(connection, checked, list(row))) for row in rows]


def _changed_rows(connection: Connection, checked: Checked, row: list[Any]) -> int:
    relation = connection.execute(checked.sql, row) if row else connection.execute(checked.sql)
    if checked.kind not in {Kind.INSERT, Kind.UPDATE, Kind.DELETE}:
        return checked.rowcount
    found = relation.fetchone()
    return int(found[0]) if found else 0


def _roll_back(connection: Connection) -> None:
    with suppress(duckdb.Error):
        connection.execute("ROLLBACK")


def _again_on_conflict(run: Callable[[], Outcome]) -> Outcome:
    for attempt in range(1, _CONFLICT_TRIES):
        try:
            return run()
        except VersionConflict:
            time.sleep(_CONFLICT_PAUSE_SECONDS * attempt)
    return run()
