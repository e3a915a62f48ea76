"""docs/sql.md says what the code does."""

from pathlib import Path

import pytest

from costwire_db_handler.sql import errors, functions, guard, protocol
from costwire_db_handler.stores.duckdb.sandbox import Limits
from costwire_db_handler.stores.duckdb.watchdog import MIB

PAGE = (Path(__file__).parents[3] / "docs" / "sql.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("error", errors.SqlError.__subclasses__(), ids=lambda e: e.__name__)
def test_every_error_is_in_the_table(error: type[errors.SqlError]) -> None:
    assert f"| `{error.name}` | {error.code} | {error.status} |" in PAGE


def test_the_limits_are_those_of_the_code() -> None:
    limits = Limits()
    assert f"| time of a statement | {limits.timeout_seconds:g} s |" in PAGE
    assert f"| rows of a result | {limits.max_rows:,} |" in PAGE
    assert f"| size of a result | {limits.max_result_bytes // MIB} MiB |" in PAGE
    assert f"at most {protocol.MAX_BODY_BYTES // MIB} MiB" in PAGE
    assert f"at most {guard.MAX_STATEMENT_BYTES // 1024} KiB" in PAGE
    assert f"at most {functions.MAX_PADDING:,}" in PAGE
    assert f"{functions.MAX_SERIES:,} elements" in PAGE


@pytest.mark.parametrize("name", functions.RENAMED)
def test_every_function_of_cratedb_is_named(name: str) -> None:
    assert f"`{name}`" in PAGE
