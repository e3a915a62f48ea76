"""SQL of users on the embedded store: checked, then run on a cursor of its own within limits."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import duckdb

from costwire_db_handler.errors import QuestionTooLarge, QuestionTooLong, SumTooLarge
from costwire_db_handler.rights import Reach
from costwire_db_handler.sql.checked import Checked, Kind, Outcome
from costwire_db_handler.sql.errors import MissingPrivilege, UnsupportedFeature
from costwire_db_handler.sql.guard import check
from costwire_db_handler.sql.protocol import SqlRequest
from costwire_db_handler.stores.duckdb.database import Database
from costwire_db_handler.stores.duckdb.own_rows import OwnRows, fill
from costwire_db_handler.stores.duckdb.parse import DuckParser
from costwire_db_handler.stores.duckdb.sandbox import Limits, Sandbox
from costwire_db_handler.stores.duckdb.user_tables import StoredCatalog, StoredOwnership
from costwire_db_handler.stores.duckdb.watchdog import MIB, Stopped, Watchdog
from costwire_db_handler.users import Caller, Role


class Queries:
    """Runs statements of users."""

    def __init__(
        self, database: Database, *, timeout_seconds: float, max_rows: int, ceiling_mib: int
    ) -> None:
        self._database = database
        self._parser = DuckParser()
        self._watchdog = Watchdog(ceiling_bytes=ceiling_mib * MIB)
        self._timeout_seconds = timeout_seconds
        limits = Limits(timeout_seconds=timeout_seconds, max_rows=max_rows)
        self._sandbox = Sandbox(self._watchdog, StoredOwnership(), limits, database.headroom)
        self._own_rows = OwnRows(database.spill.with_name("rows"), wait_seconds=timeout_seconds)

    def run(self, caller: Caller, request: SqlRequest) -> Outcome:
        """Run one request; raises a `SqlError`."""
        if caller.rights.reach is Reach.ROWS:
            return self._run_on_own_rows(caller, request)
        with self._database.cursor() as cursor:
            checked = self._checked(caller, request, cursor)
            if request.bulk_arguments is not None:
                items = self._sandbox.run_bulk(cursor, checked, request.bulk_arguments)
                return Outcome(checked, items=items)
            return Outcome(checked, self._sandbox.run(cursor, checked, request.arguments))

    def _checked(
        self, caller: Caller, request: SqlRequest, cursor: duckdb.DuckDBPyConnection
    ) -> Checked:
        return check(
            request.statement,
            role=caller.role or Role.READER,
            user=caller.name,
            catalog=StoredCatalog(cursor, caller.rights),
            parser=self._parser,
            reach=caller.rights.reach,
        )

    def _run_on_own_rows(self, caller: Caller, request: SqlRequest) -> Outcome:
        """Run a query where no other rows are; the store is left before it begins."""
        if request.bulk_arguments is not None:
            raise UnsupportedFeature("bulk arguments are for INSERT, UPDATE and DELETE")
        with self._own_rows.opened() as own:
            with self._database.cursor() as cursor, self._sandbox.reading(cursor):
                checked = self._checked(caller, request, cursor)
                if checked.kind is Kind.SELECT:
                    fill(own, cursor, checked, caller.rights)
                elif checked.kind is not Kind.NOTHING:
                    raise MissingPrivilege(f"Missing 'DML' privilege for user '{caller.name}'")
            return Outcome(checked, self._sandbox.run(own, checked, request.arguments))

    @contextmanager
    def limited(self, connection: duckdb.DuckDBPyConnection) -> Iterator[None]:
        """Around a question of ours on a connection: it is stopped where a statement would be.

        Raises: `QuestionTooLong`, `QuestionTooLarge`.
        """
        self._watchdog.wait_for_room()
        seconds = self._timeout_seconds
        with self._watchdog.watch(connection, timeout_seconds=seconds) as watch:
            try:
                yield
            except duckdb.InterruptException:
                if watch.stopped is Stopped.TIME:
                    raise QuestionTooLong(
                        f"the question took more than {seconds:g} seconds; ask for less at a time"
                    ) from None
                raise QuestionTooLarge("the question took too much memory; ask for less") from None
            except duckdb.OutOfRangeException as overflow:
                raise SumTooLarge("a sum has more digits than it can have here") from overflow
            except duckdb.OutOfMemoryException:
                raise QuestionTooLarge("the question took too much memory; ask for less") from None

    def close(self) -> None:
        """Stop watching."""
        self._watchdog.close()
        self._parser.close()
