"""Where CrateDB and the engine mean different things by the same words: what is to stand there."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from costwire_db_handler.sql.tokens import fold, quote

Node = Mapping[str, Any]
Change = tuple[Node, str, str]
"""A part of the tree, and what is to stand before and after its text."""

_LIKES = frozenset({"~~", "!~~", "~~*", "!~~*"})
_ALIKE = frozenset({"max", "min", "sum"})
_WHOLE = frozenset({"BIGINT", "BYTE", "INT", "INTEGER", "LONG", "SHORT", "SMALLINT", "TINYINT"})
_FRACTIONAL = ("DECIMAL", "DOUBLE", "FLOAT")
_LARGEST_INTEGER = 2**31 - 1
_LEAST = Decimal("0.000000000001")  # of all fractions: it has a sign, and takes the largest value
_HAS_PLACE = frozenset({"COLUMN_REF", "CONSTANT", "PARAMETER"})
SERIES_CALL = re.compile(r"generate_series\s*\([^()]*\)", re.IGNORECASE)


def pattern(node: Node, sign: str) -> Change | None:
    """`a ~ b` is true in CrateDB where all of a matches; `\\` escapes in every LIKE.

    `sign`: what stands where the tree says that the call is.
    """
    arguments = [argument["expression"] for argument in node.get("arguments") or ()]
    if len(arguments) < 2 or arguments[1]["class"] not in _HAS_PLACE:
        return None
    wanted, name = arguments[1], node["function_name"]
    if name == "regexp_matches" and sign.lstrip("!").startswith("~"):
        return wanted, "('^(?:' || ", " || ')$')"
    given = str((wanted.get("literal") or {}).get("text"))
    escapes = wanted["class"] == "PARAMETER" or "\\" in given
    return (wanted, "", " ESCAPE '\\'") if name in _LIKES and escapes else None


def whole(node: Node, kinds_of: Callable[[str], Sequence[str]]) -> Change | None:
    """A cast to a whole number cuts off in CrateDB, where the engine rounds.

    `kinds_of`: the types, in the engine's words, of the columns of a name.
    """
    path = node["type_expr"]["qualified_name"]["path"]
    if path[-1].upper() not in _WHOLE or not _is_fractional(node["child"], kinds_of):
        return None
    return node["child"], "trunc(", ")"


def _is_fractional(node: Node, kinds_of: Callable[[str], Sequence[str]]) -> bool:
    if node["class"] == "CONSTANT":
        return bool(node["literal"]["kind"] == "NUMERIC")
    if node["class"] == "COLUMN_REF":
        kinds = kinds_of(node["column_names"][-1])
        return bool(kinds) and all(kind.startswith(_FRACTIONAL) for kind in kinds)
    if node["class"] != "FUNCTION" or node.get("is_operator"):
        return False
    name, arguments = fold(node["function_name"]), node.get("arguments") or ()
    if name in _ALIKE and arguments:
        return _is_fractional(arguments[0]["expression"], kinds_of)
    return name == "avg"


def percentiles(node: Node) -> list[tuple[Node, str]]:
    """Of `percentile(a, p)`: p as `quantile_disc` wants it for the value that CrateDB takes.

    That is the value with p * n others below it, counted down to a whole number. The engine counts
    up, but from the top when the fraction is negative. Empty: p is no number of the statement.
    """
    if fold(node["function_name"]) != "percentile" or len(node.get("arguments") or ()) != 2:
        return []
    asked: Node = node["arguments"][1]["expression"]
    parts = asked.get("children") or [part["expression"] for part in asked.get("arguments") or ()]
    numbers = parts or [asked]
    if any((n.get("literal") or {}).get("kind") not in {"INTEGER", "NUMERIC"} for n in numbers):
        return []
    fractions = [Decimal(number["literal"]["text"]) for number in numbers]
    if not all(0 <= fraction <= 1 for fraction in fractions):
        return []
    return [
        (number, f"-{max(1 - fraction, _LEAST)}")
        for number, fraction in zip(numbers, fractions, strict=True)
    ]


def series(node: Node, call: str) -> str | None:
    """`generate_series(1, 3)` as a table of INTEGER, as in CrateDB; None for larger numbers.

    `call`: its text. The column is called as the table is, where it has no name of its own.
    """
    function = node["function"]
    numbers = [argument["expression"].get("literal") for argument in function["arguments"]]
    if fold(function["function_name"]) != "generate_series" or any(
        number is None or abs(int(number["text"])) > _LARGEST_INTEGER for number in numbers
    ):
        return None
    name = "" if node.get("alias") else " AS generate_series (generate_series)"
    return f"unnest(CAST({call} AS INTEGER[])){name}"


def series_column(node: Node) -> str:
    """What names the column of a series whose table alone has a name."""
    alias = node.get("alias")
    return f" ({quote(alias)})" if alias and not node.get("column_name_alias") else ""
