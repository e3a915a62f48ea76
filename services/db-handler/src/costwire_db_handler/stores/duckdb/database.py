"""The DuckDB file: opening it, one writer at a time, and the numbered migrations."""

from __future__ import annotations

import gc
import logging
import shutil
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.resources import files
from pathlib import Path

import duckdb

from costwire_db_handler.errors import (
    CannotOpen,
    MemoryTooSmall,
    StoreBusy,
    StoreDamaged,
    StoreInUse,
    StoreStopped,
)
from costwire_db_handler.stores.duckdb import damage, failures, rewriting, torn_log
from costwire_db_handler.stores.duckdb.gate import Gate
from costwire_db_handler.stores.duckdb.headroom import Headroom
from costwire_db_handler.stores.duckdb.locks import harden
from costwire_db_handler.stores.duckdb.watchdog import MIB
from costwire_runtime.problems import Problem

FILE_NAME = "store.duckdb"
WRITE_TIMEOUT_SECONDS = 45.0
"""Less than clients wait for an answer, so that they are told why, and to come again."""

_logger = logging.getLogger(__name__)


class Database:
    """One open database file. Reads run at any time, writes one after the other."""

    def __init__(self, path: Path, *, memory_bytes: int, threads: int) -> None:
        self.headroom = Headroom()
        self._path = path
        self._memory_bytes = memory_bytes
        self._threads = threads
        self._writing = threading.RLock()
        self._gate = Gate(wait_seconds=WRITE_TIMEOUT_SECONDS)
        self._opening = threading.Lock()
        self._opened: duckdb.DuckDBPyConnection | None = None

    @classmethod
    def open(cls, data_dir: Path, *, memory_bytes: int, threads: int) -> Database:
        """Open or make the file of a data folder; raises `CannotOpen`, `StoreInUse`.

        A file that was to be rewritten when a kill came is so first.
        """
        path = data_dir / FILE_NAME
        try:
            data_dir.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise CannotOpen(f"open {path}: {error.strerror}; choose another folder") from error
        database = cls(path, memory_bytes=memory_bytes, threads=threads)
        database._opened = database._connect()
        try:
            database._make_ready()
        except BaseException:
            database.close()
            raise
        return database

    def _make_ready(self) -> None:
        """Clear away what a kill left, migrate, and lock what statements could change."""
        rewriting.clear(self._path)
        shutil.rmtree(self.spill, ignore_errors=True)
        self.migrate()
        if rewriting.is_wanted(self._connection):
            try:
                self._put_new_file()
            except (Problem, duckdb.Error, OSError):
                _logger.exception("the file is still to be rewritten after an erasure")
        self._harden(self._connection)

    def _connect(self) -> duckdb.DuckDBPyConnection:
        """Open the file; a log whose end was torn is cut there first."""
        try:
            return self._try_to_connect()
        except duckdb.Error as refusal:
            if not torn_log.cut(self._path, refusal):
                raise CannotOpen(damage.told(self._path, refusal)) from refusal
        try:
            return self._try_to_connect()
        except duckdb.Error as refusal:
            raise CannotOpen(damage.told(self._path, refusal)) from refusal

    def _try_to_connect(self) -> duckdb.DuckDBPyConnection:
        try:
            return duckdb.connect(self._path, config=self._config())
        except duckdb.IOException as taken:
            if "Could not set lock" not in str(taken):
                raise
            raise StoreInUse(
                f"open {self._path}: another process has it open; stop that one, or ask it by HTTP "
                "(its address stands in handler.address beside the file)"
            ) from taken

    def _config(self) -> rewriting.Config:
        # The limits hold from the first moment: after a kill, opening repeats what was logged.
        return {
            "preserve_insertion_order": "false",
            "memory_limit": f"{self._memory_bytes // MIB}MiB",
            "threads": self._threads,
            "allocator_flush_threshold": "16MiB",
            "allocator_bulk_deallocation_flush_threshold": "16MiB",
        }

    @property
    def spill(self) -> Path:
        """The folder of what does not fit into memory; it is emptied when the file is opened."""
        return self._path.parent / "spill"

    def _harden(self, connection: duckdb.DuckDBPyConnection) -> None:
        harden(
            connection,
            temp_directory=self.spill,
            memory_bytes=self._memory_bytes,
            threads=self._threads,
        )

    @property
    def _connection(self) -> duckdb.DuckDBPyConnection:
        """The open file; one that could not be opened after it was rewritten is tried again."""
        with self._opening:
            if self._opened is None:
                try:
                    connection = self._connect()
                except CannotOpen as problem:
                    raise StoreBusy(str(problem)) from problem
                self._harden(connection)
                self._opened = connection
            return self._opened

    @property
    def is_being_rewritten(self) -> bool:
        """Whether whoever wants to use it now has to wait."""
        return self._gate.is_closed

    def rewrite(self) -> None:
        """Write the file anew where an erasure wants that; nobody uses it meanwhile.

        Raises `StoreBusy` when the others do not leave.
        """
        with self._gate.closed():
            if not rewriting.is_wanted(self._connection):
                return
            try:
                self._put_new_file()
            except (duckdb.Error, OSError) as error:
                why = str(error).splitlines()[0]
                raise StoreBusy(f"rewrite the file: {why}") from error
            self._harden(self._connection)

    def _put_new_file(self) -> None:
        """Close the file, write it anew, and open it."""
        started = time.monotonic()
        with self._opening:
            if self._opened is not None:
                self._opened.execute("CHECKPOINT")
                self._opened.close()
                self._opened = None
            shutil.rmtree(self.spill, ignore_errors=True)
            gc.collect()  # a cursor that nobody closed would keep the old file open
            with rewriting.rewritten(self._path, self._config(), self.spill):
                self._opened = self._connect()
        _logger.info("the file was rewritten", extra={"seconds": time.monotonic() - started})

    @contextmanager
    def cursor(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """A connection of its own to the same database; raises `StoreDamaged`, `StoreStopped`."""
        with self._gate.passed():
            opened = self._connection
            try:
                with opened.cursor() as cursor:
                    yield cursor
            except Exception as error:
                if damage.is_damage(error):
                    _logger.exception("the file is damaged", extra={"remedy": damage.REMEDY})
                    raise StoreDamaged(f"ask the database: {damage.SENTENCE}") from error
                if not damage.has_given_up(error):
                    raise
                _logger.exception("the file is opened anew")
                self._forget(opened)
                raise StoreStopped(damage.given_up(error)) from error

    def _forget(self, opened: duckdb.DuckDBPyConnection) -> None:
        """Let whoever comes next open the file, unless somebody has done so."""
        with self._opening:
            if self._opened is opened:
                self._opened = None
        with suppress(duckdb.Error):
            opened.close()

    def close(self) -> None:
        """Close the file; waits for a write that is under way."""
        with self._writing, self._opening:
            if self._opened is not None:
                self._opened.close()

    @contextmanager
    def reading(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """A cursor in a transaction of its own: one state of the database throughout."""
        with self.cursor() as cursor:
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

        `keep=False` rolls back in any case. Raises `StoreBusy` when its turn does not come,
        `MemoryTooSmall`.
        """
        if not self._writing.acquire(timeout=timeout_seconds):
            raise StoreBusy(
                f"write: another delivery has been settled for {timeout_seconds:g} seconds; "
                "try again in a while"
            )
        try:
            with self.headroom.unbounded(), self.cursor() as cursor:
                cursor.execute("BEGIN TRANSACTION")
                try:
                    yield cursor
                except BaseException:
                    cursor.execute("ROLLBACK")
                    raise
                cursor.execute("COMMIT" if keep else "ROLLBACK")
        except (duckdb.Error, MemoryError) as error:
            if not failures.wants_memory(error):
                raise
            _logger.exception("the engine's memory is too small")
            raise MemoryTooSmall(
                f"write: the engine's {self._memory_bytes // MIB} MiB of memory are too little (a "
                "wide table takes about one for each column): set HANDLER_MEMORY_MIB to more, "
                "and start the handler again"
            ) from error
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
