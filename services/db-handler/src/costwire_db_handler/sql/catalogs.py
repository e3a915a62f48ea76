"""What a user sees of `information_schema` and `sys`: rows written into the statement itself.

No catalog of the engine is ever opened to users; these relations hold what the caller may know.
"""

from collections.abc import Callable, Sequence

from costwire_db_handler.sql.access import Access
from costwire_db_handler.sql.dialect import crate_type
from costwire_db_handler.sql.tokens import fold, literal, quote

_VERSION = "6.2.11"


def relation(schema: str, table: str, access: Access) -> str | None:
    """The rows of a catalog's relation as a subquery; None for any other relation."""
    build = _RELATIONS.get((schema, table))
    return None if build is None else build(access)


def _rows(names: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A subquery of constant rows; each value is SQL already."""
    columns = ", ".join(f"c{i} AS {quote(name)}" for i, name in enumerate(names))
    given = ", ".join(f"c{i}" for i in range(len(names)))
    values = ", ".join("(" + ", ".join(row) + ")" for row in rows)
    none = ", ".join("NULL" for _ in names)
    where = "" if rows else " WHERE false"
    given_rows = f"(VALUES {values or f'({none})'}) AS given({given})"
    return f"(SELECT {columns} FROM {given_rows}{where})"  # noqa: S608 - values are literals


def _tables(access: Access) -> str:
    return _rows(
        ["table_catalog", "table_schema", "table_name", "table_type"],
        [
            ["'crate'", "'doc'", literal(name), literal(_kind(name, access))]
            for name in access.readable()
        ],
    )


def _kind(table: str, access: Access) -> str:
    """A cost table shows one of many states: a view, on CrateDB as well."""
    return "VIEW" if access.is_cost_table(table) else "BASE TABLE"


def _columns(access: Access) -> str:
    rows = [
        [
            "'crate'",
            "'doc'",
            literal(table),
            literal(fold(name)),
            str(at),
            literal(crate_type(kind)),
        ]
        for table in access.readable()
        for at, (name, kind) in enumerate(access.columns(table), start=1)
    ]
    names = ["table_catalog", "table_schema", "table_name", "column_name"]
    return _rows([*names, "ordinal_position", "data_type"], rows)


def _schemata(access: Access) -> str:
    names = ("doc", "information_schema", "sys")
    return _rows(["catalog_name", "schema_name"], [["'crate'", literal(name)] for name in names])


def _cluster(access: Access) -> str:
    return _rows(["id", "name"], [["'costwire'", "'costwire'"]])


def _nodes(access: Access) -> str:
    version = f"{{'number': {literal(_VERSION)}}}"
    return _rows(["id", "name", "hostname", "version"], [["'n1'", "'costwire'", "''", version]])


_RELATIONS: dict[tuple[str, str], Callable[[Access], str]] = {
    ("information_schema", "tables"): _tables,
    ("information_schema", "columns"): _columns,
    ("information_schema", "schemata"): _schemata,
    ("sys", "cluster"): _cluster,
    ("sys", "nodes"): _nodes,
}
