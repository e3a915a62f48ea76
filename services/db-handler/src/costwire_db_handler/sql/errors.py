"""What a statement can fail with, as CrateDB says it: a class name, a code, an HTTP status.

No status is one that makes CrateDB's clients send the statement again (502, 503, 504, 509).
"""

from typing import ClassVar


class SqlError(Exception):
    """Base: the answer of `/_sql` is `{"error": {"message": "Name[text]", "code": n}}`."""

    name: ClassVar[str] = "SQLException"
    code: ClassVar[int] = 5000
    status: ClassVar[int] = 500

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text

    @property
    def message(self) -> str:
        """The text as CrateDB's clients know it, led by the class's name."""
        return f"{self.name}[{self.text}]"


class SqlParse(SqlError):
    """The text is no statement of ours."""

    name, code, status = "SQLParseException", 4000, 400


class UnsupportedFeature(SqlError):
    """The statement is SQL, but nothing that may run here."""

    name, code, status = "UnsupportedFeatureException", 4004, 400


class UnsupportedFunction(SqlError):
    """The function does not exist here, or not for these arguments."""

    name, code, status = "UnsupportedFunctionException", 4004, 400


class InvalidArgument(SqlError):
    """The arguments do not fit the statement, or a value is refused; CrateDB says it so."""

    name, code, status = "SQLParseException", 4000, 400


class ConversionFailed(SqlError):
    """A value does not fit its type; CrateDB says it so."""

    name, code, status = "SQLParseException", 4000, 400


class ReadOnlyRelation(SqlError):
    """The table belongs to the ledger; deliveries write it, SQL does not."""

    name, code, status = "OperationOnInaccessibleRelationException", 4007, 400


class InvalidName(SqlError):
    """A table's or a column's name cannot be used."""

    name, code, status = "InvalidRelationName", 4002, 400


class MissingPrivilege(SqlError):
    """The caller's role does not include this."""

    name, code, status = "MissingPrivilegeException", 4011, 401


class RelationUnknown(SqlError):
    """The table does not exist, or the caller may not know of it."""

    name, code, status = "RelationUnknown", 4041, 404

    @classmethod
    def named(cls, table: str) -> "RelationUnknown":
        """The same words for a table that is not there and one that is somebody else's."""
        return cls(f"Relation '{table}' unknown")


class ColumnUnknown(SqlError):
    """The tables of the statement have no such column."""

    name, code, status = "ColumnUnknownException", 4043, 404


class SchemaUnknown(SqlError):
    """The schema does not exist, or the caller may not know of it."""

    name, code, status = "SchemaUnknownException", 4045, 404


class DuplicateKey(SqlError):
    """A row with this primary key exists."""

    name, code, status = "DuplicateKeyException", 4091, 409


class VersionConflict(SqlError):
    """Another statement changed the same rows at the same time; trying again helps."""

    name, code, status = "VersionConflictException", 4092, 409


class RelationExists(SqlError):
    """A table of this name exists."""

    name, code, status = "RelationAlreadyExists", 4093, 409


class QueryTimedOut(SqlError):
    """The statement ran longer than it may."""

    name, code, status = "QueryTimeoutException", 5001, 500


class MemoryExceeded(SqlError):
    """The statement, or all running ones together, wanted more memory than there is."""

    name, code, status = "CircuitBreakingException", 5002, 500


class ResultTooLarge(SqlError):
    """The answer has more rows or bytes than one answer may have."""

    name, code, status = "ResultTooLargeException", 4005, 400


class StatementTooLarge(SqlError):
    """The request or its statement is larger than it may be."""

    name, code, status = "RequestTooLargeException", 4130, 413


class EngineFailed(SqlError):
    """Anything else; the cause is in the log, not in the answer."""

    name, code, status = "SQLException", 5000, 500
