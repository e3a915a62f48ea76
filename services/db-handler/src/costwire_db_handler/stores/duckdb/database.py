"""The DuckDB file: opening it, one writer at a time, and the numbered migrations."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path

import duckdb

from costwire_db_handler.errors import CannotOpen, StoreBusy, StoreInUse
from costwire_db_handler.stores.duckdb.headroom import Headroom
from costwire_db_handler.stores.duckdb.locks import harden
from costwire_db_handler.stores.duckdb.watchdog import MIB

FILE_NAME = "store.duckdb"
WRITE_TIMEOUT_SECONDS = 45.0
"""Less than clients wait for an answer, so that they are told why, and to come again."""


class Database:
    """One open database file. Reads run at any time, writes one after the other."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self.headroom = Headroom()
        self._connection = connection
        self._writing = threading.RLock()

    @classmethod
    def open(cls, data_dir: Path, *, memory_bytes: int, threads: int) -> Database:
        """Open or make the file of a data folder; raises `CannotOpen`, `StoreInUse`."""
        path = data_dir / FILE_NAME
        try:
            data_dir.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise CannotOpen(f"open {path}: {error.strerror}; choose another folder") from error
        # The limits hold from the first moment: after a kill, opening repeats what was logged.
        config: dict[str, str | bool | int | float | list[str]] = {
            "preserve_insertion_order": "false",
            "memory_limit": f"{memory_bytes // MIB}MiB",
            "threads": threads,
            "allocator_flush_threshold": "16MiB",
            "allocator_bulk_deallocation_flush_threshold": "16MiB",
        }
        try:
            connection = duckdb.connect(path, config=config)
        except duckdb.IOException as taken:
            if "lock" not in str(taken).lower():
                raise CannotOpen(f"open {path}: {str(taken).splitlines()[0]}") from taken
            raise StoreInUse(
                f"open {path}: another process has it open; stop that one, or ask it by HTTP "
                "(its address stands in handler.address beside the file)"
            ) from taken
        database = cls(connection)
        database.migrate()
        harden(
            connection,
            temp_directory=data_dir / "spill",
            memory_bytes=memory_bytes,
            threads=threads,
        )
        return database

    def cursor(self) -> duckdb.DuckDBPyConnection:
        """A connection of its own to the same database; close it."""
        return self._connection.cursor()

    def close(self) -> None:
        """Close the file; waits for a write that is under way."""
        with self._writing:
            self._connection.close()

    @contextmanager
    def reading(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """A cursor in a transaction of its own: one state of the database throughout."""
        with self._connection.cursor() as cursor:
            cursor.execute("BEGIN TRANSACTION")
            try:
                yield cursor
            finally:
                cursor.execute("ROLLBACK")

    @contextmanager
    def writing(
        self, *, keep: bool = True, timeout_seconds: float = WRITE_TIMEOUT_SECONDS
    ) -> Iterator[duckdb.DuckDBPyConnection]:
        """A cursor in a transaction that is committed at the end, rolled back on an exception.

        `keep=False` rolls back in any case. Raises `StoreBusy` when its turn does not come.
        """
        if not self._writing.acquire(timeout=timeout_seconds):
            raise StoreBusy(
                f"write: another delivery has been settled for {timeout_seconds:g} seconds; "
                "try again in a while"
            )
        try:
            with self.headroom.unbounded(), self._connection.cursor() as cursor:
                cursor.execute("BEGIN TRANSACTION")
                try:
                    yield cursor
                except BaseException:
                    cursor.execute("ROLLBACK")
                    raise
                cursor.execute("COMMIT" if keep else "ROLLBACK")
        finally:
            self._writing.release()

    def migrate(self) -> None:
        """Apply the migrations that the file has not seen, in order, each with its record."""
        with self.writing() as sql:
            sql.execute("CREATE SCHEMA IF NOT EXISTS costwire")
            sql.execute(
                "CREATE TABLE IF NOT EXISTS costwire.migrations "
                "(name VARCHAR PRIMARY KEY, applied TIMESTAMP DEFAULT now())"
            )
            done = {
                name for (name,) in sql.execute("SELECT name FROM costwire.migrations").fetchall()
            }
        folder = files(__package__).joinpath("migrations")
        names = sorted(item.name for item in folder.iterdir() if item.name.endswith(".sql"))
        for name in names:
            if name not in done:
                with self.writing() as sql:
                    sql.execute(folder.joinpath(name).read_text())
                    sql.execute("INSERT INTO costwire.migrations (name) VALUES (?)", [name])
