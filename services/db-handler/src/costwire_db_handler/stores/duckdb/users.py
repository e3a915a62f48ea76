"""The users of the embedded store."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from costwire_db_handler.rights import NO_LIMITS, Rights
from costwire_db_handler.stores.duckdb.bootstrap import ADMIN, PASSWORD_FILE
from costwire_db_handler.stores.duckdb.database import Database
from costwire_db_handler.stores.duckdb.own_rows import check_condition
from costwire_db_handler.users import Account, InvalidUser, Role, User, new_user


class StoredUsers:
    """Users in a table of the database."""

    def __init__(self, database: Database, on_change: Callable[[], None]) -> None:
        """`on_change` is called when a user was added, changed or removed."""
        self._database = database
        self._on_change = on_change

    def get(self, name: str) -> User | None:
        """The user of this name, or None."""
        return next((user for user in self._all() if user.name == name), None)

    def list(self) -> Sequence[Account]:
        """All users by name."""
        return [Account(user.name, user.role, user.rights) for user in self._all()]

    def put(self, name: str, role: Role, password: str | None, rights: Rights = NO_LIMITS) -> None:
        """Add a user, or give one another role, rights and password."""
        if name == ADMIN:
            raise InvalidUser(
                f"change {ADMIN}: its password is what stands in {PASSWORD_FILE}; change it there "
                "and start the handler anew"
            )
        if rights.where:
            with self._database.reading() as sql:
                check_condition(sql, rights)
        if password is not None:
            self.keep(new_user(name, role, password, rights))
            return
        known = self.get(name)
        if known is None:
            raise InvalidUser(f"change {name}: no user has this name; a new one has a password")
        self.keep(replace(known, role=role, rights=rights))

    def keep(self, user: User) -> None:
        """Add a user, or replace the one of this name."""
        with self._database.writing() as sql:
            sql.execute(
                "INSERT OR REPLACE INTO costwire.users (name, role, password_hash, rights) "
                "VALUES (?, ?, ?, ?)",
                [user.name, user.role.value, user.password_hash, user.rights.to_json()],
            )
        self._on_change()

    def remove(self, name: str) -> bool:
        """Remove a user; the admin of the data folder stays."""
        if name == ADMIN:
            raise InvalidUser(f"remove {ADMIN}: the admin of the data folder stays")
        with self._database.writing() as sql:
            gone = sql.execute(
                "DELETE FROM costwire.users WHERE name = ? RETURNING name", [name]
            ).fetchall()
        self._on_change()
        return bool(gone)

    def _all(self) -> Sequence[User]:
        with self._database.reading() as sql:
            rows = sql.execute(
                "SELECT name, role, password_hash, rights FROM costwire.users ORDER BY name"
            ).fetchall()
        return [
            User(name, Role(role), password_hash, Rights.from_json(rights))
            for name, role, password_hash, rights in rows
        ]
