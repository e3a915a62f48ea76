"""When old history is looked for, and what is old."""

from __future__ import annotations

import logging
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from costwire_db_handler import erasing, retiring
from costwire_db_handler.delivery import Delivery
from costwire_db_handler.ledger import Clock, Rows, State
from costwire_db_handler.retention import Retention

NOW = datetime(2024, 12, 11, 10, tzinfo=UTC)


class FakeStore:
    """Notes what it is asked."""

    def __init__(self, failing: bool = False) -> None:
        self.asked: list[tuple[str, datetime, datetime]] = []
        self.own = self
        self._failing = failing

    def retire(self, table: str, cutoff: datetime, clock: Clock) -> Any:
        now = clock()
        self.asked.append((table, cutoff, now))
        if self._failing:
            raise RuntimeError("no room")
        return erasing.note(table, retiring.SOURCE, State.RETIRED, 7, now).entry

    def deliveries(self) -> list[Any]:
        tables = ("others", "charges", "others")
        return [erasing.note(table, "aws", State.COMMITTED, 1, NOW).entry for table in tables]


def retention(store: FakeStore, days: float | None, **how: Any) -> tuple[Retention, list[Any]]:
    told: list[Any] = []
    made = Retention(
        store,  # type: ignore[arg-type]
        days,
        clock=lambda: NOW,
        on_retired=lambda entry: told.append(entry.commit),
        **how,
    )
    return made, told


def test_history_stays_for_ever_unless_days_are_set() -> None:
    store = FakeStore()
    retention(store, None)[0].after("charges")
    assert store.asked == []


def test_table_is_looked_at_once_an_hour() -> None:
    store = FakeStore()
    made, told = retention(store, 2)
    for table in ("charges", "charges", "others"):
        made.after(table)
    cutoff = NOW - timedelta(days=2)
    assert store.asked == [("charges", cutoff, NOW), ("others", cutoff, NOW)]
    assert told == [7, 7]


def test_all_tables_are_looked_at_after_the_start_and_once_a_day(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    store = FakeStore()
    made, told = retention(store, 2, every_seconds=0.0)
    made.look()
    made.look()
    assert [table for table, _, _ in store.asked] == ["charges", "others"]
    assert told == [7, 7]
    a_day_later = time.monotonic() + 86_401
    monkeypatch.setattr(time, "monotonic", lambda: a_day_later)
    made.look()
    assert len(store.asked) == 4
    for_ever = FakeStore()
    retention(for_ever, None)[0].look()
    assert for_ever.asked == []


def test_what_goes_wrong_is_logged_and_tried_again(caplog: pytest.LogCaptureFixture) -> None:
    store = FakeStore(failing=True)
    made, told = retention(store, 2, every_seconds=0.0)
    with caplog.at_level(logging.WARNING):
        made.after("charges")
        made.after("charges")
    assert (len(store.asked), told) == (2, [])
    assert "tried again" in caplog.text


def made(number: int, days_ago: float, **changes: Any) -> Delivery:
    moment = NOW - timedelta(days=days_ago)
    note = erasing.note("charges", "aws", State.COMMITTED, number, moment).settled(**changes)
    return Delivery(note.manifest, note.entry, applied=number)


def test_newest_old_state_has_no_younger_one_before_it() -> None:
    states = [made(1, 30), made(2, 20), made(5, 3), made(4, 25)]
    cutoff = NOW - timedelta(days=10)
    assert retiring.newest_old_state(states, cutoff) == 4
    assert retiring.newest_old_state([*states, made(3, 1)], cutoff) == 2
    assert retiring.newest_old_state(states, NOW - timedelta(days=40)) == 0
    assert retiring.newest_old_state([], cutoff) == 0


def test_only_what_was_decided_against_is_unwanted() -> None:
    rows = Rows(read=3, stored=3)
    found = [made(1, 30, state=state, rows=rows) for state in State]
    unwanted = retiring.decided_against(found, NOW - timedelta(days=10))
    assert {each.entry.state for each in unwanted} == {State.SUPERSEDED, State.REJECTED}
    left = [retiring.without_charges(each) for each in unwanted]
    assert retiring.decided_against(left, NOW) == []
    assert retiring.decided_against(unwanted, NOW - timedelta(days=40)) == []
