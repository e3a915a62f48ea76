"""A statement that may run, and what came of running it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

import pyarrow as pa

from costwire_db_handler.sql.errors import SqlError
from costwire_db_handler.sql.outputs import Output


class Kind(StrEnum):
    """What a statement does; NOTHING is accepted for CrateDB's sake and has no effect."""

    SELECT = "select"
    INSERT = "insert"
    UPDATE = "update"
    DELETE = "delete"
    CREATE_TABLE = "create table"
    DROP_TABLE = "drop table"
    ALTER_TABLE = "alter table"
    NOTHING = "nothing"


class Conversion(StrEnum):
    """What an argument becomes because of the column that it meets."""

    INSTANT = "instant"
    MAP = "map"
    JSON = "json"
    DOUBLE = "double"


@dataclass(frozen=True)
class Checked:
    """A statement whose every part was checked; `sql` is the very text that was."""

    kind: Kind
    sql: str
    user: str
    target: str | None = None
    returns_rows: bool = False
    plain_insert: bool = False
    conversions: Mapping[int, Conversion] = field(default_factory=dict)
    quoted: frozenset[str] = frozenset()
    rowcount: int = 0
    outputs: Sequence[Output] = ()
    reads: frozenset[str] = frozenset()
    """The tables and views that it names, as they are stored."""
    columns: frozenset[str] | None = None
    """The columns that it names, folded, and perhaps more; None: it may mean any."""


@dataclass(frozen=True)
class Result:
    """The rows of a statement, or their number alone; bounded by the limits it ran under."""

    names: Sequence[str]
    types: Sequence[str]
    batches: Sequence[pa.RecordBatch]
    rowcount: int


@dataclass(frozen=True)
class BulkItem:
    """What one item of `bulk_args` came to: rows changed, or -2 and why."""

    rowcount: int
    error: SqlError | None = None


@dataclass(frozen=True)
class Outcome:
    """What a request came to: a result, or an item for each row of `bulk_args`."""

    checked: Checked
    result: Result | None = None
    items: Sequence[BulkItem] = ()
