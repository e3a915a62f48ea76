"""Decides whether a user's statement may run, and as what text.

The engine's own parser says what a statement is; nothing is judged by its spelling. What is not
known to be harmless is refused: see `inspection` for queries, `changes` for INSERT, UPDATE and
DELETE, `definitions` for tables.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Protocol

from costwire_db_handler.rights import Reach
from costwire_db_handler.sql.access import Access, Catalog
from costwire_db_handler.sql.changes import change_kind, check_change, is_plain_insert
from costwire_db_handler.sql.checked import Checked, Kind
from costwire_db_handler.sql.definitions import Definition, Reader
from costwire_db_handler.sql.errors import (
    MissingPrivilege,
    RelationExists,
    RelationUnknown,
    SqlParse,
    StatementTooLarge,
    UnsupportedFeature,
)
from costwire_db_handler.sql.inspection import NOT_REWORDED, Inspection, apply_edits
from costwire_db_handler.sql.outputs import outputs
from costwire_db_handler.sql.rewording import reworded
from costwire_db_handler.sql.tokens import Token, quote, quoted_names, tokens
from costwire_db_handler.users import Role

MAX_STATEMENT_BYTES = 256 * 1024

# A change is read as the body of a CTE: that is where the engine shows its tree.
_CHANGE_LEAD = "WITH change AS ("
_CHANGE_TAIL = "\n) SELECT * FROM change"
_CHANGES = {"INSERT": Kind.INSERT, "UPDATE": Kind.UPDATE, "DELETE": Kind.DELETE}
_IGNORED = frozenset({"BEGIN", "START", "COMMIT", "END", "SET"})
_SHOW_TABLES = "SELECT table_name FROM information_schema.tables ORDER BY table_name"


class Parser(Protocol):
    """The engine's own parser."""

    def statements(self, text: str) -> list[tuple[str, str]]:
        """Kind (`SELECT`, `INSERT`, ...) and text of each statement; raises `SqlParse`."""

    def tree(self, query: str) -> list[Mapping[str, Any]]:
        """The outermost node of each query; raises `SqlParse`."""


class Guard:
    """The rules for one caller."""

    def __init__(self, parser: Parser, access: Access) -> None:
        self._parser = parser
        self._access = access

    def check(self, statement: str) -> Checked:
        """Check one statement.

        Raises: a `SqlError` with the reason.
        """
        text = reworded(_clean(statement))
        found = tokens(text)
        while found and found[-1].text == ";":
            text = text[: found[-1].start] + " " * len(text[found[-1].start :])
            found.pop()
        if not found:
            raise SqlParse("the statement is empty")
        if any(token.text == ";" for token in found):
            raise SqlParse("one statement at a time: there is a ; within the text")
        first = found[0].upper
        if first in _IGNORED or first == "REFRESH":
            return self._nothing(text, found)
        if first == "SHOW" and [token.upper for token in found] == ["SHOW", "TABLES"]:
            return self.check(_SHOW_TABLES)
        if first in {"CREATE", "DROP", "ALTER"}:
            return self._definition(text, found)
        if first == "EXPLAIN":
            return self._explain(text, found)
        kind, text = self._single(text)
        if kind == "SELECT":
            return self._select(text)
        if kind in _CHANGES:
            return self._change(text, found)
        raise UnsupportedFeature(f"{kind.replace('_', ' ')} statements cannot be used")

    def _single(self, text: str) -> tuple[str, str]:
        statements = self._parser.statements(text)
        if len(statements) != 1:
            raise SqlParse(f"one statement at a time: {len(statements)} were sent")
        return statements[0]

    def _select(self, text: str, lead: str = "") -> Checked:
        inspection, node = self._inspect(text)
        given = () if lead else outputs(node)
        if inspection.edits:
            text = _edited(text, inspection)
            again, _ = self._inspect(text)
            if again.edits:
                raise UnsupportedFeature(NOT_REWORDED)
        checked = self._checked(Kind.SELECT, lead + text, inspection, returns_rows=True)
        return replace(checked, outputs=given)

    def _inspect(self, text: str) -> tuple[Inspection, Mapping[str, Any]]:
        nodes = self._parser.tree(text)
        if len(nodes) != 1:
            raise SqlParse(f"one statement at a time: {len(nodes)} were sent")
        inspection = Inspection(self._access, text.encode())
        try:
            inspection.statement(nodes[0])
        except RecursionError:
            raise SqlParse("the statement is nested too deeply") from None
        return inspection, nodes[0]

    def _explain(self, text: str, found: list[Token]) -> Checked:
        words = 2 if len(found) > 1 and found[1].upper == "ANALYZE" else 1
        if len(found) <= words:
            raise SqlParse("EXPLAIN what?")
        kind, query = self._single(text[found[words].start :])
        if kind != "SELECT":
            raise UnsupportedFeature("EXPLAIN is for queries only")
        return self._select(query, lead="EXPLAIN " if words == 1 else "EXPLAIN ANALYZE ")

    def _change(self, text: str, found: list[Token]) -> Checked:
        text = _without_doc(text, found)
        inspection, target, node = self._inspect_change(text)
        given = outputs(node)
        if inspection.edits:
            text = _edited(text, inspection)
            again, target, node = self._inspect_change(text)
            if again.edits:
                raise UnsupportedFeature(NOT_REWORDED)
        kind = change_kind(node)
        if kind is None or self._single(text)[0] not in _CHANGES:
            raise UnsupportedFeature("this change cannot be used")
        checked = self._checked(
            kind,
            text,
            inspection,
            target=target,
            returns_rows=bool(node.get("returning_list")),
            plain_insert=is_plain_insert(node),
        )
        return replace(checked, outputs=given)

    def _inspect_change(self, text: str) -> tuple[Inspection, str, Mapping[str, Any]]:
        nodes = self._parser.tree(_CHANGE_LEAD + text + _CHANGE_TAIL)
        entries = nodes[0]["cte_map"]["map"] if len(nodes) == 1 else []
        if len(entries) != 1 or entries[0]["key"] != "change":
            raise SqlParse("one statement at a time")
        node = entries[0]["value"]["query_node"]
        if change_kind(node) is None:
            raise UnsupportedFeature("this change cannot be used")
        inspection = Inspection(self._access, text.encode(), lead=len(_CHANGE_LEAD))
        try:
            target = check_change(inspection, node)
        except RecursionError:
            raise SqlParse("the statement is nested too deeply") from None
        return inspection, target, node

    def _checked(
        self,
        kind: Kind,
        text: str,
        inspection: Inspection,
        *,
        target: str | None = None,
        returns_rows: bool = False,
        plain_insert: bool = False,
    ) -> Checked:
        return Checked(
            kind=kind,
            sql=text,
            user=self._access.user,
            target=target,
            returns_rows=returns_rows,
            plain_insert=plain_insert,
            conversions=dict(inspection.conversions),
            quoted=quoted_names(text),
            reads=frozenset(filter(None, map(self._access.stored_name, inspection.relations))),
            columns=None if inspection.names_all else frozenset(inspection.names),
        )

    def _nothing(self, text: str, found: list[Token]) -> Checked:
        rowcount = 0
        if found[0].upper == "REFRESH":
            for table in Reader(text, found, self._expression).refreshed():
                if self._access.stored_name(table) is None:
                    raise RelationUnknown.named(table)
                rowcount += 1
        elif found[0].upper == "SET" and len(found) > 1 and found[1].upper == "GLOBAL":
            raise MissingPrivilege(f"Missing 'AL' privilege for user '{self._access.user}'")
        return Checked(Kind.NOTHING, "", self._access.user, rowcount=rowcount)

    def _definition(self, text: str, found: list[Token]) -> Checked:
        reader = Reader(text, found, self._expression)
        words = [token.upper for token in found[:2]]
        if words == ["CREATE", "TABLE"]:
            return self._create(reader.create_table())
        if words == ["DROP", "TABLE"]:
            return self._drop(reader.drop_table())
        if words == ["ALTER", "TABLE"]:
            defined = reader.add_column()
            table = self._access.require_writable(defined.table, "ALTER")
            # CrateDB tells no number of rows here.
            return replace(self._defined(Kind.ALTER_TABLE, defined.sql, table), rowcount=-1)
        raise UnsupportedFeature(f"{' '.join(words)} cannot be used")

    def _create(self, defined: Definition) -> Checked:
        self._access.require_maker()
        sql = defined.sql
        if defined.query is not None:
            kind, query = self._single(defined.query)
            if kind != "SELECT":
                raise UnsupportedFeature("CREATE TABLE AS is for queries only")
            sql += self._select(query).sql
        if self._access.taken(defined.table):
            if defined.lenient and self._access.stored_name(defined.table) is not None:
                return Checked(Kind.NOTHING, "", self._access.user, rowcount=0)
            raise RelationExists(f"Relation 'doc.{defined.table}' already exists.")
        return self._defined(Kind.CREATE_TABLE, sql, defined.table)

    def _drop(self, defined: Definition) -> Checked:
        self._access.require_writer("DDL")
        if defined.lenient and self._access.stored_name(defined.table) is None:
            return Checked(Kind.NOTHING, "", self._access.user, rowcount=0)
        table = self._access.require_writable(defined.table, "DROP")
        return self._defined(Kind.DROP_TABLE, f"DROP TABLE main.{quote(table)}", table)

    def _defined(self, kind: Kind, sql: str, table: str) -> Checked:
        expected = {
            Kind.CREATE_TABLE: "CREATE",
            Kind.DROP_TABLE: "DROP",
            Kind.ALTER_TABLE: "ALTER",
        }[kind]
        if self._single(sql)[0] != expected:
            raise UnsupportedFeature(f"this {kind.upper()} cannot be used")
        return Checked(kind, sql, self._access.user, target=table, rowcount=1)

    def _expression(self, text: str) -> str:
        """Check an expression that stands in a definition; it may name columns, but no table."""
        query = f"SELECT (\n{text}\n)"
        nodes = self._parser.tree(query)
        inspection = Inspection(self._access, query.encode())
        inspection.statement(nodes[0])
        plain = nodes[0].get("type") == "SELECT_NODE" and len(nodes) == 1
        if (
            not plain
            or len(nodes[0]["select_list"]) != 1
            or nodes[0]["from_table"]["type"] != "EMPTY"
            or inspection.edits
            or inspection.relations not in ([], [""])
            or any(
                nodes[0].get(key)
                for key in ("where_clause", "having", "qualify", "group_expressions", "modifiers")
            )
        ):
            raise UnsupportedFeature(f"({text.strip()}) cannot be used in a table's definition")
        return f"\n{text}\n"


def check(
    statement: str,
    *,
    role: Role,
    user: str,
    catalog: Catalog,
    parser: Parser,
    reach: Reach = Reach.ALL,
) -> Checked:
    """Check one statement of one user.

    Raises: a `SqlError` that carries CrateDB's class name, code and HTTP status.
    """
    return Guard(parser, Access(role, user, catalog, reach)).check(statement)


def _clean(statement: str) -> str:
    try:
        size = len(statement.encode())
    except UnicodeEncodeError:
        raise SqlParse("the statement holds half of a character") from None
    if size > MAX_STATEMENT_BYTES:
        raise StatementTooLarge(
            f"a statement may have {MAX_STATEMENT_BYTES:,} bytes: send its values as arguments"
        )
    if "\0" in statement:
        raise SqlParse("the statement holds a NUL character")
    return statement


def _edited(text: str, inspection: Inspection) -> str:
    return apply_edits(text.encode(), inspection.edits).decode("utf-8")


def _without_doc(text: str, found: list[Token]) -> str:
    """Take CrateDB's schema off the name of a change's target."""
    for at in range(1, min(len(found) - 1, 5)):
        if found[at].name == "doc" and found[at + 1].text == ".":
            return text[: found[at].start] + text[found[at + 1].end :]
    return text
