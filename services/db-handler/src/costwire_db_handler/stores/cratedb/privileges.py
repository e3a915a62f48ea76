"""Which privileges of CrateDB a role needs, as GRANT statements, and which role privileges make.

They are the least that work, and stand in `docs/cratedb.md`. No IO.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from costwire_db_handler.names import quoted
from costwire_db_handler.users import Role


@dataclass(frozen=True)
class Grant:
    """What one GRANT statement gives."""

    kinds: tuple[str, ...]
    level: str = "CLUSTER"
    on: tuple[str, ...] = ()

    def to(self, user: str) -> str:
        """The statement that gives it."""
        return f"GRANT {self._what} TO {quoted(user)}"

    def revoked(self, user: str) -> str:
        """The statement that takes it; taking what is not there does no harm."""
        return f"REVOKE {self._what} FROM {quoted(user)}"

    @property
    def _what(self) -> str:
        kinds = ", ".join(self.kinds)
        return f"{kinds} ON {self.level} {', '.join(self.on)}" if self.on else kinds

    def each(self) -> Iterable[Grant]:
        """The privileges of it, one by one."""
        for kind in self.kinds:
            for thing in self.on or ("",):
                yield Grant((kind,), self.level, (thing,) if thing else ())


ROLES: dict[Role, tuple[Grant, ...]] = {
    Role.READER: (
        Grant(("DQL",), "SCHEMA", ("doc",)),
        Grant(
            ("DQL",),
            "TABLE",
            ("costwire.deliveries", "costwire.quarantine", "costwire.tables"),
        ),
    ),
    Role.WRITER: (
        Grant(("DQL", "DDL"), "SCHEMA", ("doc",)),
        Grant(("DQL", "DML"), "SCHEMA", ("costwire",)),
    ),
    Role.ADMIN: (
        Grant(("AL",)),
        Grant(("DQL", "DDL"), "SCHEMA", ("doc",)),
        Grant(("DQL", "DML"), "SCHEMA", ("costwire",)),
        Grant(("DQL",), "TABLE", ("sys.users", "sys.privileges")),
    ),
}
"""DDL on doc lets a writer deliver to new tables. An admin can give only what an admin has."""

HANDLER = (
    Grant(("DQL", "DML", "DDL"), "SCHEMA", ("costwire",)),
    Grant(("DDL",), "SCHEMA", ("doc",)),
)
"""Of the handler's own account: it makes and changes tables and views, and owns the views."""

MAY_MAKE_TABLES = "SELECT has_schema_privilege('doc', 'CREATE')"
"""The query that tells whether a user may bring a new table."""


def beyond(role: Role) -> Iterable[Grant]:
    """The privileges of other roles that this one does not have."""
    kept = {single for grant in ROLES[role] for single in grant.each()}
    others = (single for grants in ROLES.values() for grant in grants for single in grant.each())
    return [single for single in dict.fromkeys(others) if single not in kept]


@dataclass(frozen=True)
class Held:
    """A row of `sys.privileges`."""

    level: str
    on: str | None
    state: str
    kind: str


def role_of(held: Iterable[Held]) -> Role | None:
    """The largest role whose privileges are all there; None where that is none."""
    rows = {(row.level, row.on, row.kind): row.state for row in held}

    def has(single: Grant) -> bool:
        thing = single.on[0] if single.on else None
        schema = thing.partition(".")[0] if thing else None
        # The narrowest level that says something decides, as in CrateDB.
        for level, on in (("TABLE", thing), ("SCHEMA", schema), ("CLUSTER", None)):
            state = rows.get((level, on, single.kinds[0]))
            if state is not None:
                return state == "GRANT"
        return False

    for role in (Role.ADMIN, Role.WRITER, Role.READER):
        if all(has(single) for grant in ROLES[role] for single in grant.each()):
            return role
    return None
