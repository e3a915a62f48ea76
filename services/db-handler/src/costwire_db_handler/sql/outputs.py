"""What CrateDB calls the columns of a result, and their types where the engine's differ.

A column without a name is called by its expression: by the function's name, or by the whole.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from costwire_db_handler.sql.dialect import BIGINT, DOUBLE, INSTANT, INTEGER, NUMERIC, TIMESTAMP
from costwire_db_handler.sql.tokens import fold, literal

Node = Mapping[str, Any]

# What the engine calls otherwise than CrateDB, whose words the statement has.
_FUNCTION_NAMES = {"count_star": "count", "position": "strpos", "||": "op_||", "date_part": ""}
_TYPE_NAMES = {"decimal": "numeric", "double": "double precision", "float": "real"}
_NULL_TESTS = {"OPERATOR_IS_NULL": "IS NULL", "OPERATOR_IS_NOT_NULL": "IS NOT NULL"}
_COMPARISONS = {
    "COMPARE_EQUAL": "=",
    "COMPARE_NOTEQUAL": "<>",
    "COMPARE_LESSTHAN": "<",
    "COMPARE_GREATERTHAN": ">",
    "COMPARE_LESSTHANOREQUALTO": "<=",
    "COMPARE_GREATERTHANOREQUALTO": ">=",
}
_OPERATORS = {"//": "/", "~~": "LIKE", "~~*": "ILIKE"}
_INTEGERS = frozenset(
    {
        *("array_length", "array_position", "ascii", "bit_length", "cardinality", "char_length"),
        *("dense_rank", "length", "ntile", "octet_length", "position", "rank", "row_number"),
        "strpos",
    }
)
_INSTANTS = frozenset({"date_bin", "date_trunc", "time_bucket"})
_ROUNDED = frozenset({"ceil", "ceiling", "floor", "round", "trunc"})


@dataclass(frozen=True)
class Output:
    """One item of a select list: a column, or with `star` any number of them."""

    name: str | None = None
    """None: it is called as the engine calls it."""
    types: Mapping[int, int] | None = None
    """For types of the engine the ones that CrateDB gives."""
    star: bool = False


def outputs(node: Node) -> tuple[Output, ...]:
    """The columns of a query or of a change that returns rows."""
    while node.get("type") == "SET_OPERATION_NODE":
        children = node.get("children") or [node.get("left")]
        node = children[0] or {}
    return tuple(map(_output, node.get("select_list") or node.get("returning_list") or ()))


def spread(found: Sequence[Output], columns: int) -> list[Output]:
    """An output for each of so many columns."""
    stars = [at for at, output in enumerate(found) if output.star]
    plain = Output()
    if len(stars) > 1 or (not stars and len(found) != columns):
        return [plain] * columns
    if not stars:
        return list(found)
    (at,) = stars
    return [*found[:at], *[plain] * (columns - len(found) + 1), *found[at + 1 :]]


def _output(node: Node) -> Output:
    if node.get("class") == "STAR":
        return Output(star=True)
    name = None if node.get("alias") or node.get("class") == "COLUMN_REF" else _heading(node)
    return Output(name, _types(node))


def _types(node: Node) -> Mapping[int, int] | None:
    kind, function = node.get("class"), fold(str(node.get("function_name") or ""))
    if kind == "CONSTANT" and node["literal"]["kind"] == "NUMERIC":
        return {NUMERIC: DOUBLE}
    if kind not in {"FUNCTION", "WINDOW"}:
        return None
    if function in _INTEGERS or (function == "date_part" and _unit(node) != "epoch"):
        return {BIGINT: INTEGER}
    if function == "percentile":
        return {BIGINT: DOUBLE, INTEGER: DOUBLE}
    if function in _INSTANTS:
        return {TIMESTAMP: INSTANT}
    arguments = _arguments(node)
    if function in _ROUNDED and len(arguments) == 1 and _types(arguments[0]) == {NUMERIC: DOUBLE}:
        return {NUMERIC: BIGINT}
    return None


def _heading(node: Node) -> str | None:
    """A function is called by its name alone."""
    try:
        if node["class"] in {"FUNCTION", "WINDOW"} and not _is_written_otherwise(node):
            return _function_name(node)
        return "coalesce" if node["type"] == "OPERATOR_COALESCE" else _text(node)
    except (KeyError, IndexError, TypeError, _Unknown):
        return None


class _Unknown(Exception):
    """An expression that is not put into words here."""


def _is_written_otherwise(node: Node) -> bool:
    name = node["function_name"]
    special = name in {"date_part", "list_value"}
    return special or (bool(node.get("is_operator")) and name != "||")


def _function_name(node: Node) -> str:
    name = fold(node["function_name"])
    return _FUNCTION_NAMES.get(name, name)


def _text(node: Node) -> str:
    return _TEXTS[node["class"]](node)


def _list(nodes: Sequence[Node]) -> str:
    return ", ".join(map(_text, nodes))


def _arguments(node: Node) -> list[Node]:
    return [argument["expression"] for argument in node.get("arguments") or ()]


def _unit(node: Node) -> str:
    return fold(_arguments(node)[0]["literal"]["text"])


def _function(node: Node) -> str:
    name, arguments = node["function_name"], _arguments(node)
    if name == "date_part":
        return f"EXTRACT({_unit(node).upper()} FROM {_text(arguments[1])})"
    if name == "list_value":
        return f"[{_list(arguments)}]"
    if node.get("is_operator"):
        sign = str(_OPERATORS.get(name, name))
        if len(arguments) == 1:
            return f"{sign} {_text(arguments[0])}"
        if not sign.isalpha() and name not in {"+", "-", "*", "//", "%", "^", "||"}:
            raise _Unknown
        return f"({_text(arguments[0])} {sign} {_text(arguments[1])})"
    if node["class"] == "WINDOW" or node.get("filter") or name in {"struct_pack", "map"}:
        raise _Unknown
    inner = "*" if name == "count_star" else _list(arguments)
    return f"{_function_name(node)}({'DISTINCT ' if node.get('distinct') else ''}{inner})"


def _cast(node: Node) -> str:
    word = "TRY_CAST" if node.get("try_cast") else "CAST"
    return f"{word}({_text(node['child'])} AS {_type(node['type_expr'])})"


def _type(node: Node) -> str:
    name = fold(node["qualified_name"]["path"][-1])
    children: Sequence[Node] = node.get("children") or ()
    if name == "list":
        return f"ARRAY({_type(children[0])})"
    sizes = f"({_list(children)})" if children else ""
    return _TYPE_NAMES.get(name, name) + sizes


def _constant(node: Node) -> str:
    kind, text = node["literal"]["kind"], node["literal"].get("text") or ""
    if kind == "STRING":
        return literal(text)
    if kind == "NUMERIC":
        return repr(float(text))
    return "NULL" if kind == "NULL_LITERAL" else str(text)


def _operator(node: Node) -> str:
    kind, children = node["type"], node["children"]
    if kind == "ARRAY_EXTRACT":
        return f"{_text(children[0])}[{_text(children[1])}]"
    if kind == "ARRAY_CONSTRUCTOR":
        return f"[{_list(children)}]"
    if kind == "OPERATOR_COALESCE":
        return f"coalesce({_list(children)})"
    if kind == "OPERATOR_NOT":
        return f"(NOT {_text(children[0])})"
    if kind == "COMPARE_IN":
        return f"({_text(children[0])} IN ({_list(children[1:])}))"
    return f"({_text(children[0])} {_NULL_TESTS[kind]})"


def _case(node: Node) -> str:
    checks = "".join(
        f" WHEN {_text(check['when_expr'])} THEN {_text(check['then_expr'])}"
        for check in node["case_checks"]
    )
    return f"(CASE{checks} ELSE {_text(node['else_expr'])} END)"


def _conjunction(node: Node) -> str:
    sign = f" {node['type'].removeprefix('CONJUNCTION_')} "
    first, *rest = map(_text, node["children"])
    for part in rest:
        first = f"({first}{sign}{part})"
    return first


_TEXTS: Mapping[str, Callable[[Node], str]] = {
    "BETWEEN": lambda node: (
        f"({_text(node['input'])} BETWEEN {_text(node['lower'])} AND {_text(node['upper'])})"
    ),
    "CASE": _case,
    "CAST": _cast,
    "COLUMN_REF": lambda node: fold(node["column_names"][-1]),
    "COMPARISON": lambda node: (
        f"({_text(node['left'])} {_COMPARISONS[node['type']]} {_text(node['right'])})"
    ),
    "CONJUNCTION": _conjunction,
    "CONSTANT": _constant,
    "FUNCTION": _function,
    "OPERATOR": _operator,
    "PARAMETER": lambda node: f"${node['identifier']}",
}
