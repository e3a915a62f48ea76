"""Why a query has no answer.

QueryError
├── ParseError          it is no query, or one of what is not known here; says where
├── ExecutionError      its values do not fit together
└── QueryTimeout        it took too long
"""

from __future__ import annotations


class QueryError(Exception):
    """A query that has no answer; `kind` is what Prometheus calls it, `status` is of HTTP."""

    kind = "internal"
    status = 500


class ParseError(QueryError):
    """A text that is no query, or that asks for what is not known here."""

    kind = "bad_data"
    status = 400

    def __init__(self, text: str, offset: int, message: str) -> None:
        """`offset`: the character of `text` that it is about."""
        before = text[:offset]
        line, column = before.count("\n") + 1, offset - (before.rfind("\n") + 1) + 1
        super().__init__(f'invalid parameter "query": {line}:{column}: parse error: {message}')


class ExecutionError(QueryError):
    """A query whose values do not fit together."""

    kind = "execution"
    status = 422


class QueryTimeout(QueryError):
    """A query that took longer than it may."""

    kind = "timeout"
    status = 503

    def __init__(self) -> None:
        super().__init__("query timed out in expression evaluation")
