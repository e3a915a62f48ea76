"""The names of types: CrateDB's for those of the engine, and the engine's for CrateDB's."""

import re
from collections.abc import Sequence

from costwire_db_handler.sql.errors import SqlParse, UnsupportedFeature

TypeId = int | list["TypeId"]

_UNDEFINED, _BOOLEAN, _TEXT, DOUBLE, _REAL, _SMALLINT, INTEGER, BIGINT = 0, 3, 4, 6, 7, 8, 9, 10
INSTANT, _OBJECT, TIMESTAMP, _INTERVAL, NUMERIC, _DATE, _UUID, _ARRAY = (
    *(11, 12, 15, 17),
    *(22, 24, 29, 100),
)

# Of the engine's type: its number on CrateDB's wire, and its name in CrateDB's catalogs.
_TYPES: dict[str, tuple[int, str]] = {
    "BIGINT": (BIGINT, "bigint"),
    "BLOB": (_TEXT, "text"),
    "BOOLEAN": (_BOOLEAN, "boolean"),
    "DATE": (_DATE, "date"),
    "DECIMAL": (NUMERIC, "numeric"),
    "DOUBLE": (DOUBLE, "double precision"),
    "FLOAT": (_REAL, "real"),
    "HUGEINT": (BIGINT, "bigint"),  # a sum of whole numbers
    "INTEGER": (INTEGER, "integer"),
    "INTERVAL": (_INTERVAL, "interval"),
    "JSON": (_OBJECT, "object"),
    "MAP": (_OBJECT, "object"),
    "NULL": (_UNDEFINED, "undefined"),
    "SMALLINT": (_SMALLINT, "smallint"),
    "STRUCT": (_OBJECT, "object"),
    "TIMESTAMP": (TIMESTAMP, "timestamp without time zone"),
    "TIMESTAMP WITH TIME ZONE": (INSTANT, "timestamp with time zone"),
    "TIMESTAMP_MS": (TIMESTAMP, "timestamp without time zone"),
    "TIMESTAMP_NS": (TIMESTAMP, "timestamp without time zone"),
    "TIMESTAMP_S": (TIMESTAMP, "timestamp without time zone"),
    "TINYINT": (_SMALLINT, "smallint"),
    "UBIGINT": (NUMERIC, "numeric"),
    "UHUGEINT": (NUMERIC, "numeric"),
    "UINTEGER": (BIGINT, "bigint"),
    "USMALLINT": (INTEGER, "integer"),
    "UTINYINT": (_SMALLINT, "smallint"),
    "UUID": (_UUID, "uuid"),
    "VARCHAR": (_TEXT, "text"),
}

# Of a type in CrateDB's CREATE TABLE: the engine's. Longest names first where one begins another.
_DEFINED: dict[str, str] = {
    "BIGINT": "BIGINT",
    "BOOLEAN": "BOOLEAN",
    "BYTE": "TINYINT",
    "CHAR": "VARCHAR",
    "CHARACTER VARYING": "VARCHAR",
    "CHARACTER": "VARCHAR",
    "DATE": "DATE",
    "DOUBLE PRECISION": "DOUBLE",
    "DOUBLE": "DOUBLE",
    "FLOAT": "FLOAT",
    "INT": "INTEGER",
    "INTEGER": "INTEGER",
    "IP": "VARCHAR",
    "JSON": "JSON",
    "LONG": "BIGINT",
    "REAL": "FLOAT",
    "SHORT": "SMALLINT",
    "SMALLINT": "SMALLINT",
    "STRING": "VARCHAR",
    "TEXT": "VARCHAR",
    "TIMESTAMP WITH TIME ZONE": "TIMESTAMP WITH TIME ZONE",
    "TIMESTAMP WITHOUT TIME ZONE": "TIMESTAMP",
    "TIMESTAMP": "TIMESTAMP",
    "TIMESTAMPTZ": "TIMESTAMP WITH TIME ZONE",
    "TINYINT": "TINYINT",
    "UUID": "UUID",
    "VARCHAR": "VARCHAR",
}
_NUMERIC_NAMES = frozenset({"NUMERIC", "DECIMAL", "DEC"})
_BASE = re.compile(r'"?([A-Z_ ]+)')


def _base(engine_type: str) -> str:
    found = _BASE.match(engine_type.upper())
    return found.group(1).strip() if found else ""


def type_id(engine_type: str) -> TypeId:
    """The number (an array: `[100, inner]`) of the engine's type on CrateDB's wire."""
    if engine_type.endswith("]"):
        return [_ARRAY, type_id(engine_type[: engine_type.rindex("[")])]
    return _TYPES.get(_base(engine_type), (_TEXT, "text"))[0]


def crate_type(engine_type: str) -> str:
    """The name of the engine's type in CrateDB's catalogs."""
    if engine_type.endswith("]"):
        return crate_type(engine_type[: engine_type.rindex("[")]) + "_array"
    base = _base(engine_type)
    name = _TYPES.get(base, (_TEXT, "text"))[1]
    return engine_type.lower().replace("decimal", "numeric") if base == "DECIMAL" else name


def type_words() -> Sequence[str]:
    """The names that a definition may use, the longest first, so that none hides another."""
    names = [*_DEFINED, *_NUMERIC_NAMES]
    return sorted(names, key=lambda name: -len(name.split()))


def defined_type(name: str, sizes: Sequence[int]) -> str:
    """The engine's type for one of CrateDB's with its sizes, e.g. `NUMERIC` and `[38, 18]`.

    Raises: `SqlParse` for sizes that the type cannot have.
    """
    if name not in _NUMERIC_NAMES:
        return _DEFINED[name]
    if not sizes:
        raise UnsupportedFeature(
            "NUMERIC storage is only supported if precision and scale are specified"
        )
    precision, scale = (*sizes, 0)[:2]
    if not 1 <= precision <= 38 or not 0 <= scale <= precision or len(sizes) > 2:
        raise SqlParse(f"NUMERIC({', '.join(map(str, sizes))}): precision 1 to 38, scale within it")
    return f"DECIMAL({precision},{scale})"


def instant_type(engine_type: str) -> bool:
    """Whether a column of this type holds instants."""
    return _base(engine_type).startswith("TIMESTAMP") and not engine_type.endswith("]")
