"""Reading the keys of a table: every one, in pages of bounded size, and each once."""

# ruff: noqa: S608 - all texts of statements are this file's own

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any, cast

import duckdb
import pyarrow as pa
import pytest

from costwire_db_handler.charges.difference import KEYS
from costwire_db_handler.stores.cratedb import versions
from costwire_db_handler.stores.cratedb.cluster import Answer, Session
from costwire_db_handler.stores.cratedb.failures import StoreFailed
from costwire_db_handler.stores.cratedb.layout import OPEN, Layout

PAGE = 40
LAYOUT = Layout(table="charges")
PART = 1 << 32
Key = tuple[int, int, str, int]
"""Commit, row, month, and the number that stands for the content."""


@pytest.fixture(autouse=True)
def _small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(versions, "_PAGE_ROWS", PAGE)
    monkeypatch.setattr(versions, "_PAGE_ROWS_AT_MOST", 2 * PAGE)


class InPlace:
    """Answers the statements of a session from a table in this process."""

    def __init__(self, keys: Iterable[Key], source: int = 1) -> None:
        self.sql = duckdb.connect(":memory:")
        self.answers: list[list[list[Any]]] = []
        """The rows of each answer that has keys."""
        self.lost = 0
        """How many rows are missing from each answer that has keys."""
        self.sql.execute(
            f"CREATE SCHEMA costwire; CREATE TABLE {LAYOUT.physical} "
            "(_commit BIGINT, _row BIGINT, _month VARCHAR, _last BIGINT, _source BIGINT, "
            "_period VARCHAR, _content_hi BIGINT, _content_lo BIGINT, "
            "_dimensions_hi BIGINT, _dimensions_lo BIGINT);"
            "CREATE TABLE costwire.sources (table_name VARCHAR, name VARCHAR, id BIGINT);"
            "INSERT INTO costwire.sources VALUES ('charges', 'aws', 1), ('charges', 'gcp', 2)"
        )
        rows = [
            (commit, row, month, OPEN, source, "p", *halves(content), *halves(content))
            for commit, row, month, content in keys
        ]
        insert(self.sql, LAYOUT.physical, rows)

    def execute(self, statement: str, arguments: Sequence[object] = (), **how: object) -> Answer:
        if statement.startswith("REFRESH"):
            return Answer([], [], 0)
        rows = [list(row) for row in self.sql.execute(statement, list(arguments)).fetchall()]
        if '"_period"' in statement:
            rows = rows[self.lost :]
            self.answers.append(rows)
        return Answer([], rows, len(rows))

    @property
    def session(self) -> Session:
        return cast(Session, self)


def insert(sql: duckdb.DuckDBPyConnection, table: str, rows: Sequence[tuple[Any, ...]]) -> None:
    if rows:
        columns = zip(*rows, strict=True)
        told = pa.table({f"c{at}": pa.array(column) for at, column in enumerate(columns)})
        sql.register("told", told)
        sql.execute(f"INSERT INTO {table} SELECT * FROM told")


def halves(content: int) -> tuple[int, int]:
    """The two halves of a hash that is spread as those of charges are."""
    chance = random.Random(content)  # noqa: S311
    return chance.randrange(-(2**63) + 1, 2**63 - 1), chance.randrange(-(2**63) + 1, 2**63 - 1)


def one_part(number: int) -> list[Key]:
    return [(7, row, "2024-09", row) for row in range(number)]


def copies(number: int) -> list[Key]:
    return [(7, row, "2024-09", -1) for row in range(number)]


def many_parts(number: int) -> list[Key]:
    return [(7, at % 9 * PART + at // 9, "2024-09", -1) for at in range(number)]


def many_commits(number: int) -> list[Key]:
    return [(3 + 5 * commit, 0, "2024-09", -1) for commit in range(number)]


def mixed(number: int) -> list[Key]:
    return [*one_part(number), *((9, *key[1:]) for key in copies(number)), *many_commits(5)]


@pytest.mark.parametrize("keys", [one_part, copies, many_parts, many_commits, mixed])
@pytest.mark.parametrize("number", [0, 1, 2 * PAGE, 2 * PAGE + 1, 1_000])
def test_pages_are_bounded_and_hold_every_key_once(keys: Any, number: int) -> None:
    told = keys(number)
    there = InPlace(told)
    where = '"_source" = ?'
    read = [
        tuple(key)
        for batch in versions.key_pages(there.session, LAYOUT, where, [1])
        for key in zip(*(batch.column(at).to_pylist() for at in range(3)), strict=True)
    ]
    assert sorted(read) == sorted((commit, row, month) for commit, row, month, _ in told)
    # One row more is asked for, so that a page that is too large shows.
    assert max(map(len, there.answers)) <= 2 * PAGE + 1
    assert sum(map(len, there.answers)) <= len(told) + there.answers.count([]) + 3 * PAGE


def test_keys_without_copies_are_read_in_one_statement_a_range() -> None:
    there = InPlace(one_part(1_000))
    pages = list(versions.key_pages(there.session, LAYOUT, "true", []))
    assert len(there.answers) == len(pages) == 1_000 // PAGE


@pytest.mark.parametrize("keys", [one_part, copies])
def test_keys_that_do_not_come_are_missed(keys: Any) -> None:
    there = InPlace(keys(1_000))
    there.lost = 1
    with pytest.raises(StoreFailed, match="1000 were counted"):
        list(versions.key_pages(there.session, LAYOUT, "true", []))


class Recorder:
    """A database of keys that notes what it is asked."""

    def __init__(self, contents: Iterable[int]) -> None:
        self.sql = duckdb.connect(":memory:")
        self.asked: list[str] = []
        self.sql.execute("SET arrow_lossless_conversion = true")
        self.sql.execute(f"CREATE TEMP TABLE {KEYS} (row BIGINT, content UHUGEINT)")
        pairs = [halves(content) for content in contents]
        hashes = versions.joined_hash(*zip(*pairs, strict=True))
        self.sql.register("told", pa.table({"row": range(len(pairs)), "content": hashes}))
        self.sql.execute(f"INSERT INTO {KEYS} SELECT row, content FROM told")

    def execute(self, statement: str, *how: Any) -> Any:
        self.asked.append(statement)
        return self.sql.execute(statement, *how)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.sql, name)


@pytest.mark.parametrize("share", [0.0, 0.5])
def test_common_charges_are_counted_copies_and_all(share: float) -> None:
    numbers = random.Random(5)  # noqa: S311
    mine = [numbers.randrange(300) for _ in range(700)]
    theirs = [numbers.randrange(200) for _ in range(900)]
    there = InPlace([(7, row, "m", content) for row, content in enumerate(theirs)], source=2)
    sql = cast(duckdb.DuckDBPyConnection, Recorder(mine))
    common = (Counter(mine) & Counter(theirs)).total()
    found = versions.found_elsewhere(sql, there.session, LAYOUT, 7, 1, share)
    assert found == {"gcp": common}


def test_keys_of_a_delivery_are_grouped_once_however_large_the_table_is() -> None:
    there = InPlace(one_part(50 * PAGE), source=2)
    recorder = Recorder(range(100))
    sql = cast(duckdb.DuckDBPyConnection, recorder)
    assert versions.found_elsewhere(sql, there.session, LAYOUT, 7, 1, 0.0) == {"gcp": 100}
    assert len([statement for statement in recorder.asked if KEYS in statement]) == 2
