"""DuckDB's exceptions in CrateDB's words, without paths, hints at other tables, or internals."""

import re

import duckdb

from costwire_db_handler.sql.errors import (
    ColumnUnknown,
    ConversionFailed,
    DuplicateKey,
    EngineFailed,
    InvalidArgument,
    MemoryExceeded,
    RelationExists,
    RelationUnknown,
    SqlError,
    SqlParse,
    UnsupportedFeature,
    UnsupportedFunction,
    VersionConflict,
)
from costwire_db_handler.stores.duckdb import damage

_KIND_OF_ERROR = re.compile(r"^[A-Za-z ]+ Error: ")
_TABLE = re.compile(r"Table with name \"?([^\"\n]+?)\"? does not exist")
_EXISTS = re.compile(r"(?:Table|View) with name \"?([^\"\n]+?)\"? already exists")
_COLUMN = re.compile(r"Referenced column \"([^\n]+?)\" not found")
_FUNCTION = re.compile(r"Function with name \"?([^\"\n]+?)\"? does not exist")
_NO_MATCH = re.compile(r"No function matches the given name and argument types '([^\n]+?)'\.")
_DUPLICATE = re.compile(r"[Dd]uplicate key|violates (?:primary key|unique) constraint")
_MEMORY = re.compile(
    r"^Out of Memory Error|bad.alloc|[Mm]alloc .*failed|"
    r"Failed to commit: (?:failed to pin|could not allocate) block"
)
_QUOTED_VALUE = re.compile(r"\"[^\"]{200,}\"|'[^']{200,}'")
_PLAIN: dict[type[duckdb.Error], type[SqlError]] = {
    duckdb.ParserException: SqlParse,
    duckdb.SyntaxException: SqlParse,
    duckdb.BinderException: SqlParse,
    duckdb.ConversionException: ConversionFailed,
    duckdb.OutOfRangeException: ConversionFailed,
    duckdb.TypeMismatchException: ConversionFailed,
    duckdb.InvalidInputException: InvalidArgument,
    duckdb.InvalidTypeException: ConversionFailed,
    duckdb.NotImplementedException: UnsupportedFeature,
    duckdb.PermissionException: UnsupportedFeature,
    duckdb.ConstraintException: InvalidArgument,
}
_TOO_MUCH = "the statement needs more memory than it may use: select fewer rows or columns"


def first_line(error: BaseException) -> str:
    """The first line of the engine's words, without its kind, hints, and long values."""
    line = _KIND_OF_ERROR.sub("", str(error).split("\n", 1)[0])
    return _QUOTED_VALUE.sub("(a long value)", line)[:500]


def wants_memory(error: BaseException) -> bool:
    """Whether the engine had too little memory, whatever kind of error it makes of that."""
    is_told = isinstance(error, duckdb.OutOfMemoryException | MemoryError)
    return is_told or _MEMORY.search(str(error)) is not None


def translate(error: BaseException) -> SqlError:
    """The same failure in CrateDB's words; what is not a user's doing tells nothing."""
    if isinstance(error, SqlError):
        return error
    if damage.is_damage(error):
        return EngineFailed(damage.SENTENCE)
    text = str(error)
    if wants_memory(error):
        return MemoryExceeded(_TOO_MUCH)
    if isinstance(error, duckdb.TransactionException) and "onflict" in text:
        return VersionConflict("another statement changed the same rows: try again")
    if isinstance(error, duckdb.ConstraintException) and _DUPLICATE.search(text):
        return DuplicateKey("A document with the same primary key exists already")
    for pattern, make in _NAMED:
        if isinstance(error, duckdb.CatalogException | duckdb.BinderException) and (
            found := pattern.search(text)
        ):
            return make(found.group(1))
    for kind, known in _PLAIN.items():
        if isinstance(error, kind):
            return known(first_line(error))
    return EngineFailed("the statement could not be run; the reason is in the handler's log")


_NAMED = (
    (_TABLE, RelationUnknown.named),
    (_EXISTS, lambda name: RelationExists(f"Relation 'doc.{name}' already exists.")),
    (_COLUMN, lambda name: ColumnUnknown(f"Column {name} unknown")),
    (_FUNCTION, lambda name: UnsupportedFunction(f"Unknown function: {name}()")),
    (_NO_MATCH, lambda call: UnsupportedFunction(f"Unknown function: {call}")),
)
