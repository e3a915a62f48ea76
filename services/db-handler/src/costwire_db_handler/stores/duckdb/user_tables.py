"""The catalog that statements are checked against, and whose the users' tables are."""

from collections.abc import Mapping, Sequence, Set

import duckdb

from costwire_db_handler.rights import NO_LIMITS, Rights
from costwire_db_handler.stores.duckdb.catalog import users_views

Connection = duckdb.DuckDBPyConnection


class StoredCatalog:
    """The catalog of one moment; columns are read when they are asked for."""

    def __init__(self, connection: Connection, rights: Rights = NO_LIMITS) -> None:
        self._connection = connection
        self._costs = {
            view: table for view, table in users_views(connection).items() if rights.may_read(table)
        }
        self._owned: dict[str, str] = dict(
            connection.execute("SELECT name, owner FROM costwire.user_tables").fetchall()
        )

    @property
    def cost_tables(self) -> Set[str]:
        """The versioned tables, and the views beside them, as far as the rights go."""
        return self._costs.keys()

    def table_of(self, view: str) -> str:
        """The versioned table that a view is of."""
        return self._costs[view]

    @property
    def user_tables(self) -> Mapping[str, str]:
        """The tables of users, each with its owner."""
        return self._owned

    def columns(self, table: str) -> Sequence[tuple[str, str]]:
        """A table's columns in order: name, and type in the engine's words."""
        return self._connection.execute(
            "SELECT column_name, data_type FROM duckdb_columns() "
            "WHERE schema_name = 'main' AND table_name = ? ORDER BY column_index",
            [table],
        ).fetchall()


class StoredOwnership:
    """Notes whose a table is, in the transaction that makes or drops it."""

    def created(self, connection: Connection, table: str, user: str) -> None:
        """Note the owner of a new table."""
        connection.execute("INSERT INTO costwire.user_tables VALUES (?, ?)", [table, user])

    def dropped(self, connection: Connection, table: str) -> None:
        """Forget a table."""
        connection.execute("DELETE FROM costwire.user_tables WHERE name = ?", [table])
