"""Writing the file anew without what was erased: its bytes stay in a file that is only changed.

The new file takes the place of the old one in one step, so a kill leaves the one or the other. That
a file is still to be rewritten stands in it (`costwire.rewrites`), and not in the new one.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import duckdb

from costwire_db_handler.errors import StoreBusy
from costwire_db_handler.names import quoted

Config = dict[str, str | bool | int | float | list[str]]
_SUFFIX = ".rewriting"
_TABLES = (
    "SELECT schema_name, table_name FROM duckdb_tables() "
    "WHERE database_name = ? AND NOT temporary ORDER BY ALL"
)


def clear(path: Path) -> None:
    """Remove what a kill left of a new file."""
    unfinished = _unfinished(path)
    for leftover in (unfinished, log_of(unfinished)):
        leftover.unlink(missing_ok=True)


def is_wanted(sql: duckdb.DuckDBPyConnection) -> bool:
    """Whether the file is to be rewritten."""
    return bool(sql.execute("SELECT count(*) FROM costwire.rewrites").fetchall()[0][0])


def want(sql: duckdb.DuckDBPyConnection, commit: int) -> None:
    """Note that the file is to be rewritten, for an erasure."""
    sql.execute("INSERT INTO costwire.rewrites VALUES (?) ON CONFLICT DO NOTHING", [commit])


@contextmanager
def rewritten(path: Path, config: Config, temp_directory: Path) -> Iterator[None]:
    """Put a new file in the place of a closed one; within, nobody else can open the old one.

    What another process wrote into it then, nobody would ever see.
    """
    clear(path)
    _require_closed(path)
    try:
        as_copied = _copy(path, config, temp_directory)
        with path.open("r+b") as old:
            _lock(old, path, as_copied)
            _unfinished(path).replace(path)
            sync(path.parent)
            yield
    finally:
        clear(path)


def _copy(path: Path, config: Config, temp_directory: Path) -> tuple[int, int]:
    """Copy all into the unfinished file; gives how the old one was then."""
    told: Config = {
        **config,
        "threads": 1,
        "preserve_insertion_order": "true",
        "temp_directory": str(temp_directory),
    }
    unfinished = _unfinished(path)
    with duckdb.connect(":memory:", config=told) as copying:
        copying.execute(f"ATTACH {_text(path)} AS was (READ_ONLY)")
        as_copied = _look_of(path)
        copying.execute(f"ATTACH {_text(unfinished)} AS new")
        copying.execute("COPY FROM DATABASE was TO new")
        _require_equal(copying)
        copying.execute("DELETE FROM new.costwire.rewrites")
        copying.execute("CHECKPOINT new")
        copying.execute("DETACH new")
        copying.execute("DETACH was")
    if log_of(unfinished).exists():
        raise StoreBusy("rewrite the file: the new one is not complete; try again")
    sync(unfinished)
    return as_copied


def _lock(old: BinaryIO, path: Path, as_copied: tuple[int, int]) -> None:
    """Take the lock that DuckDB takes, until the file is closed; it is as it was copied."""
    try:
        fcntl.lockf(old, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as taken:
        raise StoreBusy("rewrite the file: another process has opened it; try again") from taken
    if _look_of(path) != as_copied:
        raise StoreBusy("rewrite the file: another process has changed it; try again")


def _look_of(path: Path) -> tuple[int, int]:
    status = path.stat()
    return status.st_size, status.st_mtime_ns


def _require_closed(path: Path) -> None:
    """Nobody here has the file open, and its log is part of it."""
    try:
        duckdb.connect(path, read_only=True).close()
    except duckdb.ConnectionException as open_still:
        raise StoreBusy("rewrite the file: it is still in use; try again") from open_still
    if log_of(path).exists():
        raise StoreBusy("rewrite the file: its log is not part of it yet; try again")


def _require_equal(sql: duckdb.DuckDBPyConnection) -> None:
    """The new file has as many rows of everything."""
    tables = sql.execute(_TABLES, ["was"]).fetchall()
    if tables != sql.execute(_TABLES, ["new"]).fetchall():
        raise StoreBusy("rewrite the file: the new one has other tables; try again")
    for schema, table in tables:
        name = f"{quoted(schema)}.{quoted(table)}"
        ((before, after),) = sql.execute(
            f"SELECT (SELECT count(*) FROM was.{name}), (SELECT count(*) FROM new.{name})"
        ).fetchall()
        if before != after:
            raise StoreBusy(f"rewrite the file: {after} of {before} rows of {table} are new")


def _unfinished(path: Path) -> Path:
    return path.with_name(path.name + _SUFFIX)


def log_of(path: Path) -> Path:
    """Where DuckDB keeps the log of a file."""
    return path.with_name(path.name + ".wal")


def _text(path: Path) -> str:
    return "'" + str(path).replace("'", "''") + "'"


def sync(path: Path) -> None:
    """Have what was written on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
