"""Names of columns in SQL: FOCUS columns by their own, all others legal and apart everywhere."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from costwire_focus.columns import COLUMNS, ValueType, value_type

_REFUSED = re.compile(r"[.\[\]\x00-\x1f\x7f]")
_JSON_SUFFIX = "Json"
_RESERVED = (
    {name.lower() for name in COLUMNS}
    | {(name + _JSON_SUFFIX).lower() for name in COLUMNS if value_type(name) is ValueType.TAGS}
    | {"rowid"}  # of every table in DuckDB
)


def json_name(name: str) -> str:
    """The column that holds the exact JSON text beside a column of tags."""
    return name + _JSON_SUFFIX


def sql_names(columns: Iterable[str], known: Mapping[str, str]) -> dict[str, str]:
    """The SQL name of each column.

    Rule:   a FOCUS column keeps its name. In any other name a dot, a bracket or a control character
            becomes `_`, and a leading `_` gets `column` before it (CrateDB has system columns such
            as `_id`; leading underscores are ours). Names that SQL would take for one (it folds
            case) get `_2`, `_3`, ... in the order in which they came.
    Known:  the names that the table's columns have already; they never change.
    """
    names = dict(known)
    taken = _RESERVED | {name.lower() for name in known.values()}
    for column in columns:
        if column not in names:
            names[column] = column if column in COLUMNS else _apart(_legal(column), taken)
            taken.add(names[column].lower())
    return names


def _legal(column: str) -> str:
    legal = _REFUSED.sub("_", column)
    return "column" + legal if legal.startswith("_") or not legal else legal


def _apart(name: str, taken: set[str]) -> str:
    number, candidate = 2, name
    while candidate.lower() in taken:
        candidate, number = f"{name}_{number}", number + 1
    return candidate


def quoted(name: str) -> str:
    """A name as an SQL identifier, taken exactly.

    >>> quoted('a"b')
    '"a""b"'
    """
    return '"' + name.replace('"', '""') + '"'
