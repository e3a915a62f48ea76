"""A CrateDB for the tests of a store: one test at a time, each beginning with nothing."""

from __future__ import annotations

import fcntl
import hashlib
import os
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from costwire_db_handler.stores.cratedb.cluster import Credentials
from tests.support.cratedb import a_user, cratedb_url, superuser
from tests.support.store import ADMIN

_TABLES = "information_schema.tables"
_held: list[int] = []
_signed_in: list[Credentials] = []


@contextmanager
def alone() -> Iterator[None]:
    """Keeps the other workers of a test run off the database meanwhile; this one may ask again."""
    if not _held:
        url = cratedb_url()  # nobody waits for a database that there is not
        name = f"costwire-test-cratedb-{hashlib.sha256(url.encode()).hexdigest()[:12]}.lock"
        descriptor = os.open(Path(tempfile.gettempdir()) / name, os.O_RDWR | os.O_CREAT)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
    else:
        descriptor = _held[0]
    _held.append(descriptor)
    try:
        yield
    finally:
        _held.pop()
        if not _held:
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


@contextmanager
def for_handler(data: Path) -> Iterator[dict[str, str]]:
    """The settings of a handler of these tests; commands find the password in its data folder.

    The first one gets an empty store, and the user that commands sign in with is made for it; those
    that come beside it share both, as handlers do, and have tables of their own.
    """
    url = cratedb_url()
    with ExitStack() as opened:
        if not _signed_in:
            opened.enter_context(alone())
            grants = ("AL", "DDL", "DQL", "DML")
            _signed_in.append(opened.enter_context(a_user(url, grants, name=ADMIN)))
            opened.callback(_signed_in.clear)
            forget_all(url)
        (data / "admin.password").write_text(_signed_in[0].password)
        yield {"cratedb_urls": url, "cratedb_user": "crate"}
