"""DuckDB's own parser on a connection that holds nothing: a statement's kind and its tree."""

import json
import threading
from collections.abc import Mapping
from typing import Any

import duckdb

from costwire_db_handler.sql.errors import SqlParse
from costwire_db_handler.stores.duckdb.failures import first_line

_MAX_TREE_BYTES = 12 * 1024 * 1024
_MAX_DEPTH = 250


class DuckParser:
    """Parses for the guard; safe to share between threads."""

    def __init__(self) -> None:
        self._connection = duckdb.connect(
            ":memory:",
            config={
                "memory_limit": "128MB",
                "threads": 1,
                "enable_external_access": False,
                "autoinstall_known_extensions": False,
                "autoload_known_extensions": False,
            },
        )
        self._connection.execute("SET python_enable_replacements = false")
        self._connection.execute(f"SET max_expression_depth = {_MAX_DEPTH}")
        self._connection.execute("SET lock_configuration = true")
        self._lock = threading.Lock()

    def statements(self, text: str) -> list[tuple[str, str]]:
        """Kind and text of each statement.

        Raises: `SqlParse` with the engine's own words.
        """
        with self._lock:
            try:
                found = self._connection.extract_statements(text)
            except duckdb.Error as error:
                raise SqlParse(first_line(error)) from None
            return [(statement.type.name, statement.query) for statement in found]

    def tree(self, query: str) -> list[Mapping[str, Any]]:
        """The outermost node of each query in the text.

        Raises: `SqlParse` for what is no query, or is too large or too deep to be looked at.
        """
        with self._lock:
            try:
                row = self._connection.execute(
                    "SELECT json_serialize_sql(CAST(? AS VARCHAR))", [query]
                ).fetchone()
            except duckdb.Error as error:
                raise SqlParse(first_line(error)) from None
        text = row[0] if row else "{}"
        if len(text) > _MAX_TREE_BYTES:
            raise SqlParse("the statement has too many parts: send the values as bulk arguments")
        try:
            answer = json.loads(text)
        except RecursionError:
            raise SqlParse("the statement is nested too deeply") from None
        if answer.get("error", True):
            raise SqlParse(str(answer.get("error_message", "the statement cannot be read")))
        return [statement["node"] for statement in answer["statements"]]

    def close(self) -> None:
        """Release the connection."""
        self._connection.close()
