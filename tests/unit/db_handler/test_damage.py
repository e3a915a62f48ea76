"""What the engine says when a file is damaged, and when it only gave up a write."""

import duckdb
import pytest

from costwire_db_handler.stores.duckdb import damage

FULL = duckdb.FatalException(
    "FATAL Error: Failed to create checkpoint because of error: Could not write file: "
    "No space left on device"
)
STOPPED = duckdb.FatalException("FATAL Error: database has been invalidated")
CORRUPT = duckdb.FatalException("FATAL Error: Corrupt database file: computed checksum")


def chained(outer: Exception, inner: Exception) -> Exception:
    outer.__cause__ = inner
    return outer


def test_engine_that_gave_up_a_write_is_no_damage() -> None:
    for error in (FULL, STOPPED, chained(RuntimeError("rollback"), FULL)):
        assert damage.has_given_up(error)
        assert not damage.is_damage(error)


def test_damage_is_no_given_up_write() -> None:
    assert damage.is_damage(CORRUPT)
    assert not damage.has_given_up(CORRUPT)


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT 'Corrupt'::INTEGER",
        'SELECT "Corrupt"',
        "FROM Corrupt",
        "SELECT error('Corrupt')",
        "SELECT 'Corrupt' ::",
    ],
)
def test_word_for_damage_in_a_statement_is_no_damage(statement: str) -> None:
    with duckdb.connect() as sql, pytest.raises(duckdb.Error, match="Corrupt") as refused:
        sql.execute(statement)
    assert not damage.is_damage(refused.value)


def test_full_disk_is_told_wherever_it_stands_in_the_chain() -> None:
    assert "the disk of the data folder is full" in damage.given_up(FULL)
    assert "is full" in damage.given_up(chained(duckdb.FatalException("invalidated"), FULL))
    assert "could not write" in damage.given_up(STOPPED)
