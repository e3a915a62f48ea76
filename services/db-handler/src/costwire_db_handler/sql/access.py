"""Who may read and write which table."""

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, field
from typing import Protocol

from costwire_db_handler.rights import Reach
from costwire_db_handler.sql.errors import MissingPrivilege, ReadOnlyRelation, RelationUnknown
from costwire_db_handler.sql.tokens import fold
from costwire_db_handler.users import Role


class Catalog(Protocol):
    """What the store knows of its tables; names as they are stored."""

    @property
    def cost_tables(self) -> Set[str]:
        """Versioned tables and their views: everybody reads them, deliveries alone write them."""

    @property
    def user_tables(self) -> Mapping[str, str]:
        """Tables that users made, each with its owner."""

    def columns(self, table: str) -> Sequence[tuple[str, str]]:
        """A table's columns in order: name, and type in the engine's words."""


@dataclass(frozen=True)
class TableCatalog:
    """A catalog by values, for a store that reads it once per statement, and for tests."""

    cost_tables: frozenset[str] = frozenset()
    user_tables: Mapping[str, str] = field(default_factory=dict)
    column_types: Mapping[str, Sequence[tuple[str, str]]] = field(default_factory=dict)

    def columns(self, table: str) -> Sequence[tuple[str, str]]:
        """The columns given at the start; none for a table that is not among them."""
        return self.column_types.get(table, ())


class Access:
    """The rights of one caller over one catalog."""

    def __init__(self, role: Role, user: str, catalog: Catalog, reach: Reach = Reach.ALL) -> None:
        """`reach`: how far the caller's rights go; the catalog has the tables that they name."""
        self.role = role
        self.user = user
        self._reach = reach
        self._catalog = catalog
        self._costs = {fold(table): table for table in catalog.cost_tables}
        owned = {fold(t): (t, o) for t, o in catalog.user_tables.items()}
        self._owners = {key: owner for key, (_, owner) in owned.items()}
        self._mine = {
            key: table
            for key, (table, owner) in owned.items()
            # Whoever sees some rows only may have made a table when all were seen.
            if role is Role.ADMIN or (owner == user and reach is not Reach.ROWS)
        }

    def readable(self) -> list[str]:
        """Every table that the caller may know of, by name."""
        return sorted({**self._mine, **self._costs}.values())

    def stored_name(self, table: str) -> str | None:
        """A readable table's name as it is stored; None for any other."""
        return self._costs.get(fold(table)) or self._mine.get(fold(table))

    def taken(self, table: str) -> bool:
        """Whether a table of this name exists, whoever owns it."""
        return fold(table) in self._costs or fold(table) in self._owners

    def is_cost_table(self, table: str) -> bool:
        """Whether deliveries write this table."""
        return fold(table) in self._costs

    def columns(self, table: str) -> Sequence[tuple[str, str]]:
        """The columns of a readable table."""
        name = self.stored_name(table)
        return () if name is None else self._catalog.columns(name)

    def require_writer(self, what: str) -> None:
        """Raises: `MissingPrivilege` when the caller's role only reads."""
        if self.role is Role.READER:
            raise MissingPrivilege(f"Missing '{what}' privilege for user '{self.user}'")

    def require_maker(self) -> None:
        """Raises: `MissingPrivilege` where the caller may not make tables.

        To be told that a name is taken tells of a table that one may not know of.
        """
        self.require_writer("DDL")
        if self._reach is not Reach.ALL:
            raise MissingPrivilege(f"Missing 'DDL' privilege for user '{self.user}'")

    def require_writable(self, table: str, what: str) -> str:
        """The stored name of a table that the caller may change.

        Raises: `ReadOnlyRelation` for a cost table, `RelationUnknown` for another user's.
        """
        name = self.stored_name(table)
        if name is None:
            raise RelationUnknown.named(table)
        self.require_writer("DDL" if what in {"DROP", "ALTER"} else "DML")
        if self.is_cost_table(table):
            raise ReadOnlyRelation(
                f'The relation "doc.{name}" doesn\'t support or allow {what} operations: '
                "charges change by deliveries alone"
            )
        return name
