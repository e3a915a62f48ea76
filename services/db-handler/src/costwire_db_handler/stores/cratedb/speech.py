"""How CrateDB speaks of the columns of a versioned table."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from costwire_db_handler.answers.speech import Fragment, Relation, Speech, TableColumn
from costwire_db_handler.names import quoted
from costwire_db_handler.stores.cratedb.layout import Column, Layout, all_versions, visible_at
from costwire_focus.columns import ValueType
from costwire_focus.typed import DIGITS


class CrateDBSpeech(Speech):
    """The SQL of CrateDB."""

    def __init__(self, layout: Layout) -> None:
        super().__init__(layout.table, [_column(column) for column in layout.columns])
        self._versions = all_versions(layout)
        self._declared = {quoted(name): frozenset(keys) for name, keys in layout.tag_keys.items()}

    def visible(self, state: int) -> Relation:
        """Of the readers' view of all versions."""
        return self._relation(visible_at(state))

    def only(self, state: int, other: int) -> Relation:
        """Of the same view."""
        bound = f'"_commit" > {other:d}' if state > other else f'"_last" < {other:d}'
        return self._relation(f"{visible_at(state)} AND {bound}")

    def either(self, state: int, other: int) -> Relation:
        """Of the readers' view of all versions, with the two conditions as columns."""
        first, second = visible_at(state), visible_at(other)
        flags = f', {first} AS "_first", {second} AS "_second"'
        return self._relation(f"({first}) OR ({second})", flags)

    def came(self, until: int) -> Relation:
        """Of all versions; what was kept unseen ended before it began."""
        seen = f'"_commit" <= {until:d} AND "_last" >= "_commit"'
        return self._relation(seen, ', "_commit" AS "_state"')

    def went(self, until: int) -> Relation:
        """Of all versions."""
        gone = f'"_last" < {until:d} AND "_last" >= "_commit"'
        return self._relation(gone, ', "_last" + 1 AS "_state"')

    def _relation(self, where: str, beside: str = "") -> Relation:
        """CrateDB drops what is not wanted by itself."""
        return Relation("*", frozenset(), [(beside, f"FROM {self.versions} WHERE {where}")])

    @property
    def versions(self) -> str:
        """The readers' view of all versions, with the states that they came with."""
        return self._versions

    def one_of(self, text: Fragment, texts: Sequence[str]) -> Fragment:
        """A list is one value."""
        return Fragment(f"{text.text} = ANY(?)", (*text.arguments, list(texts)))

    def sums(self, column: TableColumn) -> Sequence[str]:
        """A sum has as many digits as it needs."""
        return [f"sum({column.sql})"]

    def exactly(self, aggregate: str) -> str:
        """As text: a number would lose digits on its way."""
        return f"{aggregate}::TEXT"

    def day(self, column: TableColumn) -> str:
        """As text."""
        return f"date_format('%Y-%m-%d', {column.sql})"

    def text(self, column: TableColumn) -> str:
        """As it stands; also a plain one is found by `=`, `LIKE` and `ILIKE`."""
        return column.sql

    def tag(self, column: TableColumn, key: str) -> Fragment:
        """One value of the object. The key is part of the text: CrateDB binds none.

        Of a key that is no column of its own `NOT (tags['k'] = ?)` would hold where there is none.
        CrateDB looks for nulls in a function that may make something else of them, so it is one.
        """
        told = f"{column.sql}['{key.replace(chr(39), chr(39) * 2)}']"
        if key in self._declared.get(column.sql, ()):
            return Fragment(told)
        return Fragment(f"coalesce({told}::TEXT, NULL)")

    def amount(self, text: str, scale: int) -> Fragment:
        """Bound as text: it has all digits."""
        return Fragment(f"?::NUMERIC({DIGITS},{scale:d})", (text,))

    def instant(self, moment: datetime) -> Fragment:
        """Bound as text."""
        return Fragment("?::TIMESTAMP WITHOUT TIME ZONE", (moment.isoformat(),))


def _column(column: Column) -> TableColumn:
    tags = quoted(column.json_name) if column.kind is ValueType.TAGS else ""
    return TableColumn(column.name, column.kind, quoted(column.sql_name), column.scale, tags)
