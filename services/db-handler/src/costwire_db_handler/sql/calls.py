"""Checks one call of a function: its name, and the arguments that say how much it makes."""

from collections.abc import Mapping, Sequence
from typing import Any

from costwire_db_handler.sql.errors import UnsupportedFunction
from costwire_db_handler.sql.functions import (
    FUNCTIONS,
    MAX_PADDING,
    MAX_SERIES,
    PADDED,
    RENAMED,
    SERIES,
    TABLE_FUNCTIONS,
)
from costwire_db_handler.sql.tokens import fold

Node = Mapping[str, Any]


def check_call(node: Node) -> str | None:
    """Check a function in an expression; the engine's name for it when CrateDB's was used.

    Raises: `UnsupportedFunction` for what is not on the list, or not with these arguments.
    """
    name = _name(node)
    if name in PADDED:
        _check_padding(name, _arguments(node))
    elif name in SERIES:
        _check_series(name, _arguments(node))
    elif name in RENAMED:
        return RENAMED[name] if RENAMED[name] != name else None
    elif name not in FUNCTIONS:
        raise UnsupportedFunction(f"Unknown function: {name}()")
    return None


def check_table_function(node: Node) -> None:
    """Check a function that stands for a table.

    Raises: `UnsupportedFunction` for all but a few that make rows of their arguments.
    """
    name = _name(node)
    if name not in TABLE_FUNCTIONS:
        raise UnsupportedFunction(f"Unknown table function: {name}()")
    if name in SERIES:
        _check_series(name, _arguments(node))


def _name(node: Node) -> str:
    path: list[str] = node["qualified_name"]["path"]
    if len(path) != 1 or node.get("catalog") or node.get("schema"):
        raise UnsupportedFunction(
            f"Unknown function: {'.'.join(path)}(): call a function by its bare name"
        )
    return fold(path[0])


def _arguments(node: Node) -> list[Node]:
    return [argument["expression"] for argument in node.get("arguments") or ()]


def _integer(node: Node) -> int | None:
    literal = node.get("literal") or {}
    if node["class"] != "CONSTANT" or literal.get("kind") != "INTEGER":
        return None
    return int(literal["text"].replace("_", ""))


def _check_padding(name: str, arguments: Sequence[Node]) -> None:
    width = _integer(arguments[1]) if len(arguments) > 1 else None
    if width is None or width > MAX_PADDING:
        raise UnsupportedFunction(
            f"{name}(): the length must be a number of at most {MAX_PADDING:,}"
        )


def _check_series(name: str, arguments: Sequence[Node]) -> None:
    numbers = [_integer(argument) for argument in arguments]
    bounds = [number for number in numbers if number is not None]
    if len(bounds) != len(numbers) or not 1 <= len(bounds) <= 3:
        raise UnsupportedFunction(f"{name}(): start, stop and step must be whole numbers")
    start, stop = (0, bounds[0]) if len(bounds) == 1 else bounds[:2]
    step = bounds[2] if len(bounds) == 3 else 1
    if abs(stop - start) > MAX_SERIES * max(abs(step), 1):
        raise UnsupportedFunction(f"{name}(): at most {MAX_SERIES:,} elements")
