"""Checks the tree of an INSERT, UPDATE or DELETE: its target, its parts, its arguments."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from costwire_db_handler.sql.access import Access
from costwire_db_handler.sql.checked import Conversion, Kind
from costwire_db_handler.sql.dialect import instant_type
from costwire_db_handler.sql.errors import SchemaUnknown, UnsupportedFeature
from costwire_db_handler.sql.inspection import Inspection
from costwire_db_handler.sql.tokens import fold

Node = Mapping[str, Any]

_KINDS = {
    "INSERT_QUERY_NODE": Kind.INSERT,
    "UPDATE_QUERY_NODE": Kind.UPDATE,
    "DELETE_QUERY_NODE": Kind.DELETE,
}
_SIMPLE = {
    "JSON": Conversion.JSON,
    "DOUBLE": Conversion.DOUBLE,
    "FLOAT": Conversion.DOUBLE,
}


def change_kind(node: Node) -> Kind | None:
    """What a change does; None for a node that is no change."""
    return _KINDS.get(str(node.get("type")))


def check_change(inspection: Inspection, node: Node) -> str:
    """Check a change and answer its target's stored name.

    Raises: a `SqlError` that names the first thing that may not be.
    """
    kind = _KINDS[node["type"]]
    target = _target(inspection.access, node, kind)
    inspection.relations.append(target)
    scope = inspection.common_tables(node, frozenset())
    if kind is Kind.INSERT:
        source = (node.get("select_statement") or {}).get("node")
        inspection.walk(source, scope)
        rest = {"on_conflict_info", "returning_list"}
    else:
        rest = {"from_table", "using_clauses", "set_info", "condition", "returning_list"}
    for key in rest:
        inspection.walk(node.get(key), scope)
    _refuse_unknown(node, kind)
    for column, value in _given(inspection.access, node, target):
        _convert(inspection, _column_type(inspection.access, target, column), value)
    inspection.settle()
    return target


def is_plain_insert(node: Node) -> bool:
    """Whether each run of the statement adds exactly one row, or fails."""
    rows = _value_rows(node)
    return (
        node["type"] == "INSERT_QUERY_NODE"
        and len(rows) == 1
        and not node.get("on_conflict_info")
        and not node.get("returning_list")
    )


def _target(access: Access, node: Node, kind: Kind) -> str:
    path = _table_path(node)
    *schema, table = path
    if [fold(part) for part in schema] not in ([], ["main"]):
        raise SchemaUnknown(f"Schema '{'.'.join(schema)}' unknown")
    return access.require_writable(table, kind.upper())


def _table_path(node: Node) -> list[str]:
    table = node.get("table")
    path: list[str] = (table if isinstance(table, dict) else node)["qualified_name"]["path"]
    reference = node.get("table_ref")
    if reference and reference["qualified_name"]["path"] != path:
        raise UnsupportedFeature("the statement names two targets")
    return path


def _refuse_unknown(node: Node, kind: Kind) -> None:
    known = {
        *("type", "modifiers", "cte_map", "table", "schema", "catalog", "qualified_name"),
        *("table_ref", "columns", "select_statement", "on_conflict_info", "returning_list"),
        *("default_values", "column_order", "from_table", "using_clauses", "set_info", "condition"),
        *("prioritize_table_when_binding", "overriding"),
    }
    for key in node.keys() - known:
        if node[key]:
            raise UnsupportedFeature(f"{kind.upper()} with {key.replace('_', ' ')} cannot be used")


def _given(access: Access, node: Node, target: str) -> Iterator[tuple[str, Node]]:
    """Each value of the change that goes straight into a column."""
    names = node.get("columns") or [name for name, _ in access.columns(target)]
    for row in _value_rows(node):
        yield from zip(names, row, strict=False)
    for holder in (node, node.get("on_conflict_info") or {}):
        assigned = holder.get("set_info") or {}
        yield from zip(
            assigned.get("columns") or (), assigned.get("expressions") or (), strict=False
        )


def _value_rows(node: Node) -> Sequence[Sequence[Node]]:
    source = (node.get("select_statement") or {}).get("node") or {}
    relation = source.get("from_table") or {}
    if relation.get("type") == "EXPRESSION_LIST":
        rows: Sequence[Sequence[Node]] = relation["values"]
        return rows
    if relation.get("type") == "EMPTY" and node.get("column_order") != "INSERT_BY_NAME":
        return [source.get("select_list") or ()]
    return ()


def _column_type(access: Access, table: str, column: str) -> str:
    for name, kind in access.columns(table):
        if fold(name) == fold(column):
            return kind
    return ""


def _convert(inspection: Inspection, kind: str, value: Node) -> None:
    if instant_type(kind):
        inspection.instant(value)
    elif value.get("class") == "PARAMETER":
        if kind.startswith("MAP("):
            inspection.convert(value, Conversion.MAP)
        elif kind in _SIMPLE:
            inspection.convert(value, _SIMPLE[kind])
