"""Bulks on their way: every row is stored, refused with its reason, or the settlement fails."""

from __future__ import annotations

import json
import threading
from typing import Any

import pyarrow as pa
import pytest

from costwire_db_handler.stores.cratedb.failures import (
    DUPLICATE_KEY,
    StatementRefused,
    StoreFailed,
    StoreOverloaded,
)
from costwire_db_handler.stores.cratedb.loading import Bulk, Loader, RowsRefused
from costwire_db_handler.stores.cratedb.messages import Item
from costwire_db_handler.stores.cratedb.rows import Rows

OVERLOADED = Item(-2, 4290, "RejectedExecutionException[rejected]")


class Database:
    """What stands in for a session: rows are `[number]`, and some have a way of their own."""

    def __init__(self, **ways: list[Item]) -> None:
        self.ways = {int(number.removeprefix("row")): items for number, items in ways.items()}
        self.stored: list[int] = []
        self.sent: list[list[int]] = []
        self.wrong: set[int] = set()
        self._lock = threading.Lock()

    def execute_many(self, _statement: str, rows: bytes, **_: Any) -> list[Item]:
        """One item for each row; a row of the wrong type refuses them all."""
        numbers = [number for (number,) in json.loads(b"[%b]" % rows)]
        with self._lock:
            self.sent.append(numbers)
            if self.wrong & set(numbers):
                raise StatementRefused("INSERT: Cannot cast value")
            return [self._item(number) for number in numbers]

    def _item(self, number: int) -> Item:
        items = self.ways.get(number)
        item = items.pop(0) if items else Item(1)
        if item.rowcount == 1:
            self.stored.append(number)
        return item


def load(database: Database, count: int, *, in_flight: int = 1, size: int = 4) -> Loader:
    rows = Rows(
        pa.array(range(100, 100 + count), pa.int64()),
        pa.array([f"[{number}]," for number in range(100, 100 + count)], pa.string()),
    )
    bulk = Bulk(rows=size, in_flight=in_flight)
    loader = Loader(database, "INSERT", bulk, lambda: None, lambda _: None)  # type: ignore[arg-type]
    loader.load(rows.batches(bulk.rows, bulk.bytes))
    return loader


@pytest.mark.parametrize("in_flight", [1, 4])
def test_every_row_is_stored_once(in_flight: int) -> None:
    database = Database()
    loader = load(database, 21, in_flight=in_flight)
    assert sorted(database.stored) == list(range(100, 121))
    assert loader.stored == 21


def test_rows_that_came_too_much_are_sent_again_alone() -> None:
    database = Database(row102=[OVERLOADED, OVERLOADED], row103=[OVERLOADED])
    loader = load(database, 4)
    assert database.sent == [[100, 101, 102, 103], [102, 103], [102]]
    assert loader.stored == 4


def test_a_row_that_is_there_from_an_earlier_try_counts_as_stored() -> None:
    loader = load(Database(row101=[Item(-2, DUPLICATE_KEY, "DuplicateKeyException[x]")]), 4)
    assert loader.stored == 4


def test_a_refused_row_is_told_with_its_reason_after_all_others_are_sent() -> None:
    database = Database(row101=[Item(-2, 4000, "SQLParseException[no]")])
    with pytest.raises(RowsRefused) as told:
        load(database, 9)
    assert told.value.reasons == {101: "SQLParseException[no]"}
    assert sorted(database.stored) == [n for n in range(100, 109) if n != 101]


def test_a_batch_that_is_refused_whole_gives_its_wrong_rows_away() -> None:
    database = Database()
    database.wrong = {101, 106}
    with pytest.raises(RowsRefused) as told:
        load(database, 8, size=8)
    assert set(told.value.reasons) == {101, 106}
    assert sorted(database.stored) == [n for n in range(100, 108) if n not in {101, 106}]


def test_a_row_that_never_goes_in_ends_the_load() -> None:
    with pytest.raises(StoreOverloaded):
        load(Database(row100=[OVERLOADED] * 20), 1)


def test_a_database_that_refuses_ever_more_ends_the_load(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("costwire_db_handler.stores.cratedb.loading._REFUSED_AT_MOST", 2)
    ways = {f"row{number}": [Item(-2, 4000, "no")] for number in range(100, 104)}
    with pytest.raises(StoreFailed, match="more than 2"):
        load(Database(**ways), 4)
