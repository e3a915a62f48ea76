"""The users of the embedded store."""

from __future__ import annotations

from collections.abc import Sequence

from costwire_db_handler.stores.duckdb.database import Database
from costwire_db_handler.users import Role, User


class StoredUsers:
    """Users in a table of the database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def get(self, name: str) -> User | None:
        """The user of this name, or None."""
        return next((user for user in self.list() if user.name == name), None)

    def list(self) -> Sequence[User]:
        """All users by name."""
        with self._database.reading() as sql:
            rows = sql.execute(
                "SELECT name, role, password_hash FROM costwire.users ORDER BY name"
            ).fetchall()
        return [User(name, Role(role), password_hash) for name, role, password_hash in rows]

    def add(self, user: User) -> None:
        """Add a user, or replace the one of this name."""
        with self._database.writing() as sql:
            sql.execute(
                "INSERT OR REPLACE INTO costwire.users VALUES (?, ?, ?)",
                [user.name, user.role.value, user.password_hash],
            )

    def remove(self, name: str) -> bool:
        """Remove a user; False when there is none of this name."""
        with self._database.writing() as sql:
            gone = sql.execute(
                "DELETE FROM costwire.users WHERE name = ? RETURNING name", [name]
            ).fetchall()
        return bool(gone)
