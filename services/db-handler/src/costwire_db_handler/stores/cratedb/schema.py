"""The handler's own tables in CrateDB, and the numbered migrations that make them.

Several handlers may start at once. A migration is claimed by a row, so that one of them runs it and
the others wait; all its statements can be repeated, so that another goes on where one was killed.
"""

from __future__ import annotations

import re
import time
from importlib.resources import files

from costwire_db_handler.errors import CannotOpen
from costwire_db_handler.stores.cratedb.cluster import Session
from costwire_db_handler.stores.cratedb.failures import DuplicateKey, VersionConflict

_TABLE = """
CREATE TABLE IF NOT EXISTS costwire.migrations (
    name TEXT PRIMARY KEY,
    claimed BIGINT NOT NULL,
    applied BIGINT
) CLUSTERED INTO 1 SHARDS"""
_ADDED_COLUMN = re.compile(r"ALTER TABLE (\w+)\.(\w+) ADD COLUMN (\w+) ")
_CLAIM_SECONDS = 60.0
_PAUSE_SECONDS = 0.2
_WAIT_SECONDS = 180.0


def migrate(session: Session) -> None:
    """Bring the schema to this version; raises `CannotOpen` when another handler is stuck at it."""
    session.execute(_TABLE, repeatable=True)
    folder = files(__package__).joinpath("migrations")
    names = sorted(item.name for item in folder.iterdir() if item.name.endswith(".sql"))
    for name in names:
        deadline = time.monotonic() + _WAIT_SECONDS
        while not _is_applied(session, name):
            if _claim(session, name):
                for statement in statements(folder.joinpath(name).read_text()):
                    if not _is_done(session, statement):
                        session.execute(statement, repeatable=True)
                session.execute(
                    "UPDATE costwire.migrations SET applied = CURRENT_TIMESTAMP::BIGINT "
                    "WHERE name = ?",
                    [name],
                    repeatable=True,
                )
            elif time.monotonic() > deadline:
                raise CannotOpen(f"migrate the store: {name} is being applied for too long")
            else:
                time.sleep(_PAUSE_SECONDS)


def statements(text: str) -> list[str]:
    """The statements of a migration, without comments."""
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("--")]
    return [part.strip() for part in "\n".join(lines).split(";") if part.strip()]


def _is_done(session: Session, statement: str) -> bool:
    """Whether a column is there already: CrateDB adds none only where it lacks."""
    added = _ADDED_COLUMN.match(statement)
    return added is not None and bool(
        session.execute(
            "SELECT 1 FROM information_schema.columns "
            "WHERE table_schema = ? AND table_name = ? AND column_name = ?",
            added.groups(),
        ).rows
    )


def _is_applied(session: Session, name: str) -> bool:
    found = session.execute("SELECT applied FROM costwire.migrations WHERE name = ?", [name]).rows
    return bool(found and found[0][0] is not None)


def _claim(session: Session, name: str) -> bool:
    try:
        session.execute(
            "INSERT INTO costwire.migrations (name, claimed) VALUES (?, CURRENT_TIMESTAMP::BIGINT)",
            [name],
        )
    except DuplicateKey:
        return _claim_forsaken(session, name)
    return True


def _claim_forsaken(session: Session, name: str) -> bool:
    """Take over from a handler that claimed it and did not finish in time."""
    rows = session.execute(
        "SELECT CURRENT_TIMESTAMP::BIGINT - claimed, _seq_no, _primary_term "
        "FROM costwire.migrations WHERE name = ?",
        [name],
    ).rows
    if not rows or rows[0][0] < _CLAIM_SECONDS * 1000:
        return False
    try:
        claimed = session.execute(
            "UPDATE costwire.migrations SET claimed = CURRENT_TIMESTAMP::BIGINT "
            "WHERE name = ? AND _seq_no = ? AND _primary_term = ?",
            [name, *rows[0][1:]],
        )
    except VersionConflict:
        return False
    return claimed.rowcount == 1
