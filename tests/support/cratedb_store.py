"""A CrateDB for the tests of a store: one test at a time, each beginning with nothing."""

from __future__ import annotations

import fcntl
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.cratedb import superuser

_TABLES = "information_schema.tables"


@contextmanager
def alone() -> Iterator[None]:
    """Keeps the other workers of a test run off the database meanwhile."""
    path = Path(tempfile.gettempdir()) / "costwire-test-cratedb.lock"
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def forget_all(url: str) -> None:
    """Empty the handler's tables, and drop all others and the views."""
    with superuser(url) as session:
        rows = session.execute(
            f"SELECT table_schema, table_name, table_type FROM {_TABLES} "  # noqa: S608
            "WHERE table_schema IN ('doc', 'costwire') ORDER BY table_type DESC"
        ).rows
        for schema, name, kind in rows:
            if schema == "costwire" and "__" not in name:
                if name != "migrations":
                    session.execute(f'REFRESH TABLE costwire."{name}"')
                    session.execute(f'DELETE FROM costwire."{name}"')  # noqa: S608
            else:
                what = "VIEW" if kind == "VIEW" else "TABLE"
                session.execute(f'DROP {what} IF EXISTS "{schema}"."{name}"')
