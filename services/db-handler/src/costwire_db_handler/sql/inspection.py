"""Walks the engine's tree of a statement: refuses what is not known to be harmless.

The tree is the one that the engine's own parser makes of the text. Every node is of a kind listed
here, or the statement is refused.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from costwire_db_handler.sql import catalogs
from costwire_db_handler.sql.access import Access
from costwire_db_handler.sql.calls import check_call, check_table_function
from costwire_db_handler.sql.checked import Conversion
from costwire_db_handler.sql.dialect import instant_type
from costwire_db_handler.sql.errors import (
    RelationUnknown,
    SchemaUnknown,
    SqlParse,
    UnsupportedFeature,
)
from costwire_db_handler.sql.functions import TYPES
from costwire_db_handler.sql.meanings import (
    SERIES_CALL,
    Change,
    pattern,
    percentiles,
    series,
    series_column,
    whole,
)
from costwire_db_handler.sql.tokens import fold, quote

_MAX_NODES = 150_000
_MAX_RELATIONS = 100
_MAX_NAME_PARTS = 6

_EXPRESSIONS = frozenset(
    {
        *("BETWEEN", "CASE", "CAST", "COLLATE", "COLUMN_REF", "COMPARISON", "CONJUNCTION"),
        *("CONSTANT", "DEFAULT", "FUNCTION", "LAMBDA", "OPERATOR", "PARAMETER"),
        *("POSITIONAL_REFERENCE", "STAR", "SUBQUERY", "TYPE", "WINDOW"),
    }
)
_QUERIES = frozenset({"SELECT_NODE", "SET_OPERATION_NODE", "RECURSIVE_CTE_NODE", "CTE_NODE"})
_RELATIONS = frozenset(
    {
        *("BASE_TABLE", "EMPTY", "EXPRESSION_LIST", "JOIN", "PIVOT", "SHOW_REF", "SUBQUERY"),
        "TABLE_FUNCTION",
    }
)
_MODIFIERS = frozenset(
    {
        *("ORDER_MODIFIER", "LIMIT_MODIFIER", "LIMIT_PERCENT_MODIFIER", "DISTINCT_MODIFIER"),
        *("ORDER_DEFAULT", "ASCENDING", "DESCENDING", "ORDER_ASCENDING", "ORDER_DESCENDING"),
    }
)
_NOT_WALKED = frozenset({"cte_map", "sample", "literal", "qualified_name"})
_QUALIFIED = re.compile(r"""\s*(?:"[^"]*"|\w+)\s*\.\s*(?:"[^"]*"|\w+)""")
_SCHEMA_PREFIX = re.compile(r"""(?:"doc"|doc)\s*\.\s*""", re.IGNORECASE)
_CALLED_NAME = re.compile(r"""\s*(?:"[^"]*"|\w+)(?=\s*\()""")
_MILLISECONDS = re.compile(r"-?[0-9]{11,18}")

_NUMBER = re.compile(r"[0-9.]+(?:[eE][+-]?[0-9]+)?")

NOT_REWORDED = "a name of CrateDB's stands where it cannot be reworded: write it as DuckDB does"

Node = Mapping[str, Any]


@dataclass(frozen=True)
class Edit:
    """A stretch of the statement's bytes, and what is to stand there instead."""

    start: int
    end: int
    text: str


@dataclass
class Inspection:
    """What was seen in one tree; `text` is what the tree's places count in, after `lead` bytes."""

    access: Access
    text: bytes
    lead: int = 0
    edits: list[Edit] = field(default_factory=list)
    conversions: dict[int, Conversion] = field(default_factory=dict)
    relations: list[str] = field(default_factory=list)
    names: set[str] = field(default_factory=set)
    """The columns that are named, folded."""
    names_all: bool = False
    """Whether columns are meant that are not named."""
    _aliases: set[str] = field(default_factory=set)
    _last_names: set[str] = field(default_factory=set)
    _nodes: int = 0
    _compared: list[list[Node]] = field(default_factory=list)
    _casts: list[Node] = field(default_factory=list)

    def statement(self, node: Node) -> None:
        """Check a query from its outermost node.

        Raises: a `SqlError` that names the first thing that may not be.
        """
        self._query(node, frozenset())
        self.settle()

    def walk(self, value: Any, scope: frozenset[str]) -> None:
        """Check any part of a tree; `scope` holds the folded names of the CTEs in sight."""
        if isinstance(value, list):
            for item in value:
                self.walk(item, scope)
        elif isinstance(value, dict):
            self._node(value, scope)

    def _node(self, node: Node, scope: frozenset[str]) -> None:
        self._nodes += 1
        if self._nodes > _MAX_NODES:
            raise SqlParse("the statement has too many parts: send the values as bulk arguments")
        kind = node.get("type")
        if "class" in node:
            self._expression(node, scope)
        elif not isinstance(kind, str) or kind in _MODIFIERS:
            self._children(node, scope)
        elif kind in _QUERIES:
            self._query(node, scope)
        elif kind in _RELATIONS:
            self._relation(node, scope)
        else:
            raise UnsupportedFeature(f"{_words(kind)} cannot be used here")

    def _children(self, node: Node, scope: frozenset[str]) -> None:
        for key, value in node.items():
            if key not in _NOT_WALKED:
                self.walk(value, scope)

    def _query(self, node: Node, scope: frozenset[str]) -> None:
        if node.get("type") not in _QUERIES:
            raise UnsupportedFeature(f"{_words(node.get('type'))} cannot be used here")
        scope = self.common_tables(node, scope)
        if node["type"] == "RECURSIVE_CTE_NODE":
            self.walk(node["left"], scope)
            self.walk(node["right"], scope | {fold(node["cte_name"])})
            node = {key: node[key] for key in node.keys() - {"left", "right"}}
        elif node["type"] == "SET_OPERATION_NODE":
            for _ in node.get("children") or ():
                self._count_relation()
        self._children(node, scope)

    def common_tables(self, node: Node, scope: frozenset[str]) -> frozenset[str]:
        """Check the CTEs of a query: each is in sight of the later ones and of the query itself."""
        for entry in (node.get("cte_map") or {}).get("map") or ():
            self._count_relation()
            if entry["value"].get("materialized") == "CTE_MATERIALIZE_NEVER":
                raise UnsupportedFeature("NOT MATERIALIZED cannot be used: leave it out")
            self._query(entry["value"]["query_node"], scope)
            self.walk(entry["value"].get("key_targets"), scope)
            scope |= {fold(entry["key"])}
        return scope

    def _relation(self, node: Node, scope: frozenset[str]) -> None:
        self._count_relation()
        kind = node["type"]
        self._aliases.add(fold(node.get("alias") or ""))
        self.names |= {fold(name) for name in node.get("using_columns") or ()}
        if kind in {"SHOW_REF", "PIVOT"} or node.get("ref_type") == "NATURAL":
            self.names_all = True
        if kind == "BASE_TABLE":
            self._base_table(node, scope)
        elif kind == "TABLE_FUNCTION":
            check_table_function(node["function"])
            self._series(node)
            self._children(node["function"], scope)
        elif kind == "SHOW_REF" and not node.get("query"):
            raise UnsupportedFeature("SHOW cannot be used here: read information_schema.tables")
        else:
            self._children(node, scope)

    def _count_relation(self) -> None:
        self.relations.append("")
        if len(self.relations) > _MAX_RELATIONS:
            raise UnsupportedFeature(f"a statement may name at most {_MAX_RELATIONS} relations")

    def _base_table(self, node: Node, scope: frozenset[str]) -> None:
        if node.get("at_clause"):
            raise UnsupportedFeature("AT (...) cannot be used")
        *schema, table = node["qualified_name"]["path"]
        schema = [fold(part) for part in schema]
        if schema == ["recurring"] and fold(table) in scope:
            return
        if schema == [] and fold(table) in scope:
            return
        if len(schema) == 1 and (rows := catalogs.relation(schema[0], fold(table), self.access)):
            alias = "" if node.get("alias") else f" AS {quote(fold(table))}"
            self._edit(node, _QUALIFIED, f"{rows}{alias}")
            return
        if schema == ["doc"]:
            self._edit(node, _SCHEMA_PREFIX, "")
        elif schema not in ([], ["main"]):
            raise SchemaUnknown(f"Schema '{'.'.join(schema)}' unknown")
        if self.access.stored_name(table) is None:
            raise RelationUnknown.named(table)
        self.relations[-1] = table
        self._aliases.add(fold(table))

    def _expression(self, node: Node, scope: frozenset[str]) -> None:
        kind = node["class"]
        if kind not in _EXPRESSIONS:
            raise UnsupportedFeature(f"{_words(kind)} cannot be used here")
        if kind in {"FUNCTION", "WINDOW"}:
            renamed = check_call(node)
            fractions = percentiles(node)
            if renamed is not None:
                self._edit(node, _CALLED_NAME, "quantile_disc" if fractions else renamed)
            for number, text in fractions:
                self._edit(number, _NUMBER, text)
            self._change(pattern(node, self._at(node, 2)))
        elif kind == "CAST":
            self._casts.append(node)
        elif kind in {"STAR", "POSITIONAL_REFERENCE"}:
            self.names_all = True
        elif kind == "COLUMN_REF":
            self._column(node["column_names"])
            self.names |= {fold(name) for name in node["column_names"]}
            self._last_names.add(fold(node["column_names"][-1]))
            if len(node["column_names"]) > 2 and fold(node["column_names"][0]) == "doc":
                self._edit(node, _SCHEMA_PREFIX, "")
        elif kind == "TYPE":
            self._type(node)
        elif kind == "PARAMETER" and not node["identifier"].isdigit():
            raise SqlParse(f"parameter ${node['identifier']}: parameters are ? or $1, $2, ...")
        elif kind == "LAMBDA" and node.get("syntax_type") != "SINGLE_ARROW":
            raise UnsupportedFeature("lambda functions cannot be used")
        elif kind in {"COMPARISON", "BETWEEN"} or node["type"] in {"COMPARE_IN", "COMPARE_NOT_IN"}:
            self._compared.append([part for part in _operands(node) if isinstance(part, dict)])
        self._children(node, scope)

    def _series(self, node: Node) -> None:
        found = SERIES_CALL.match(self._at(node, 1_000))
        call = found and series(node, found.group())
        if call:
            self._edit(node, SERIES_CALL, call)
            end = node["query_location"] - self.lead + node["query_location_length"]
            if column := series_column(node):
                self.edits.append(Edit(end, end, column))

    def _change(self, change: Change | None) -> None:
        """Put something around a part whose place in the text is known."""
        if change is None:
            return
        node, before, after = change
        start = node["query_location"] - self.lead
        end = start + node["query_location_length"]
        if 0 <= start < end <= len(self.text):
            if before:
                self.edits.append(Edit(start, start, before))
            self.edits.append(Edit(end, end, after))

    def _at(self, node: Node, length: int) -> str:
        """What stands where a node begins; nothing for one without a place."""
        start = node["query_location"] - self.lead
        return self.text[start : start + length].decode("utf-8", "replace") if start >= 0 else ""

    def _column(self, names: Sequence[str]) -> None:
        if len(names) > _MAX_NAME_PARTS:
            raise SqlParse(f"a column's name may have at most {_MAX_NAME_PARTS} parts")

    def _type(self, node: Node) -> None:
        path = node["qualified_name"]["path"]
        name = fold(path[-1])
        if len(path) != 1 or name not in TYPES:
            raise UnsupportedFeature(f"type {'.'.join(path)} cannot be used")
        if name in {"decimal", "numeric", "dec"} and not node.get("children"):
            # The engine would take three digits after the point, and round to them in silence.
            raise UnsupportedFeature("NUMERIC wants precision and scale here, e.g. NUMERIC(38,18)")

    def _edit(self, node: Node, found_there: re.Pattern[str], text: str) -> None:
        start = node["query_location"] - self.lead
        if not 0 <= start < len(self.text):
            raise UnsupportedFeature(NOT_REWORDED)
        # Past the end of the match nothing is read, so a character cut in two there is no harm.
        rest = self.text[start : start + 1_000].decode("utf-8", "replace")
        match = found_there.match(rest)
        if match is None:
            raise UnsupportedFeature(NOT_REWORDED)
        blank = len(match.group()) - len(match.group().lstrip())
        end = start + len(match.group().encode())
        self.edits.append(Edit(start + blank, end, text))

    def settle(self) -> None:
        """What depends on the types of columns, once all relations were seen."""
        self._settle_instants()
        if self._last_names & self._aliases:
            self.names_all = True  # a whole row
        for cast in self._casts:
            self._change(whole(cast, self._kinds_of))
        self._casts.clear()

    def _kinds_of(self, column: str) -> list[str]:
        return [
            kind
            for table in {table for table in self.relations if table}
            for name, kind in self.access.columns(table)
            if fold(name) == fold(column)
        ]

    def _settle_instants(self) -> None:
        """Milliseconds that are compared with a column of instants are instants, as in CrateDB."""
        instants = {
            fold(name)
            for table in {table for table in self.relations if table}
            for name, kind in self.access.columns(table)
            if instant_type(kind)
        }
        for operands in self._compared:
            names = [part["column_names"][-1] for part in operands if part["class"] == "COLUMN_REF"]
            if any(fold(name) in instants for name in names):
                for part in operands:
                    self.instant(part)
        self._compared.clear()

    def instant(self, node: Node) -> None:
        """Note that a number of milliseconds stands for an instant."""
        if node["class"] == "PARAMETER":
            self.convert(node, Conversion.INSTANT)
        elif node["class"] == "CONSTANT" and node["literal"].get("kind") == "INTEGER":
            text = node["literal"]["text"]
            if _MILLISECONDS.fullmatch(text):
                pattern = re.compile(r"-?\s*[0-9_]+")
                self._edit(node, pattern, f"make_timestamp_ms({text})")

    def convert(self, node: Node, conversion: Conversion) -> None:
        """Note that the argument of a parameter becomes something else."""
        self.conversions[int(node["identifier"]) - 1] = conversion


def _operands(node: Node) -> list[Any]:
    if node["class"] == "COMPARISON":
        return [node["left"], node["right"]]
    if node["class"] == "BETWEEN":
        return [node["input"], node["lower"], node["upper"]]
    return list(node.get("children") or ())


def _words(kind: object) -> str:
    return str(kind).removesuffix("_QUERY_NODE").removesuffix("_NODE").replace("_", " ")


def apply_edits(text: bytes, edits: Sequence[Edit]) -> bytes:
    """The statement with every stretch reworded."""
    for edit in sorted(edits, key=lambda edit: edit.start, reverse=True):
        text = text[: edit.start] + edit.text.encode() + text[edit.end :]
    return text
