"""The users of CrateDB: roles are privileges there, and passwords are kept by CrateDB alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import groupby
from operator import itemgetter

from costwire_db_handler.names import quoted
from costwire_db_handler.rights import NO_LIMITS, Reach, Rights
from costwire_db_handler.stores.cratedb import privileges
from costwire_db_handler.stores.cratedb.cluster import Session
from costwire_db_handler.stores.cratedb.privileges import Held
from costwire_db_handler.users import Account, InvalidUser, Role, check_user

SUPERUSER = "crate"
"""Nobody may be made by this name: CrateDB would put the new user in its superuser's place."""


class CrateDBUsers:
    """Users as a caller may see and change them."""

    def __init__(self, session: Session, account: str, on_change: Callable[[], None]) -> None:
        """`account`: the handler's own; `on_change` is called when a user may have changed."""
        self._session = session
        self._account = account
        self._on_change = on_change

    def list(self) -> Sequence[Account]:
        """All users by name who have the privileges of a role.

        Superusers have none of their own, and those that came with a role of CrateDB's are not
        looked at.
        """
        users = {name for (name,) in self._session.execute("SELECT name FROM sys.users").rows}
        rows = self._session.execute(
            "SELECT grantee, class, ident, state, type FROM sys.privileges "
            "ORDER BY grantee LIMIT 1000000"
        ).rows
        found = []
        for name, held in groupby(rows, itemgetter(0)):
            role = privileges.role_of(Held(*row[1:]) for row in held)
            if role is not None and name in users:
                found.append(Account(name, role))
        return found

    def put(self, name: str, role: Role, password: str | None, rights: Rights = NO_LIMITS) -> None:
        """Add a user, or give one another role and password; privileges beside ours stay.

        Several statements, so a user may be left half-made; the same again ends it.
        """
        if rights.reach is not Reach.ALL:
            raise InvalidUser(
                f"limit {name}: on CrateDB a table is granted there (GRANT DQL ON TABLE ...), and "
                "rows by a view of your own that is granted instead of the table; see "
                "docs/rights.md"
            )
        if password is None:
            raise InvalidUser(f"change {name}: on CrateDB send the password as well")
        check_user(name, password)
        self._require_free(name, "change")
        found = self._session.execute("SELECT superuser FROM sys.users WHERE name = ?", [name]).rows
        if found and found[0][0]:
            raise InvalidUser(f"change {name}: it is a superuser of CrateDB")
        try:
            if found:
                for grant in privileges.beyond(role):
                    self._session.execute(grant.revoked(name), repeatable=True)
                statement = f"ALTER USER {quoted(name)} SET (password = ?)"
                self._session.execute(statement, [password], repeatable=True)
            else:
                statement = f"CREATE USER {quoted(name)} WITH (password = ?)"
                self._session.execute(statement, [password])
            for grant in privileges.ROLES[role]:
                self._session.execute(grant.to(name), repeatable=True)
        finally:
            self._on_change()

    def remove(self, name: str) -> bool:
        """Remove a user who has a role; False when there is none of this name."""
        self._require_free(name, "remove")
        if name not in {account.name for account in self.list()}:
            return False
        try:
            self._session.execute(f"DROP USER IF EXISTS {quoted(name)}", repeatable=True)
        finally:
            self._on_change()
        return True

    def _require_free(self, name: str, act: str) -> None:
        if name == self._account:
            raise InvalidUser(
                f"{act} {name}: it is the account by which the handler itself signs in to CrateDB; "
                "a superuser changes it there, and HANDLER_CRATEDB_PASSWORD with it"
            )
        if name == SUPERUSER:
            raise InvalidUser(f"{act} {name}: it is CrateDB's superuser; choose another name")
