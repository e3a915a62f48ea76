"""What becomes of a delivery."""

from datetime import UTC, datetime, timedelta

import pytest

from costwire_db_handler.decide import (
    Applied,
    Period,
    Thresholds,
    Verdict,
    late,
    repeats,
    shrinks,
)
from costwire_db_handler.ledger import State

NOON = datetime(2024, 10, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
DEFAULT = Thresholds()


def applied(commit: int = 1, hours: float = 0, read: float = 0) -> Applied:
    return Applied(commit, "id", NOON + hours * HOUR, NOON + read * HOUR)


def state_of(verdict: Verdict | None) -> State | None:
    return verdict.state if verdict else None


@pytest.mark.parametrize(
    ("hours", "expected"),
    [(1, None), (0, None), (-1, State.SUPERSEDED)],
    ids=["newer", "same generation", "older"],
)
def test_generation_decides_which_state_is_newer(hours: int, expected: State | None) -> None:
    verdict = late(NOON + hours * HOUR, NOON + HOUR, False, {"2024-09": applied()})
    assert state_of(verdict) is expected


def test_nothing_is_late_where_nothing_was() -> None:
    assert late(NOON, NOON, False, {}) is None


@pytest.mark.parametrize(
    ("known", "read", "expected"),
    [
        (True, 1, None),
        (True, 0, State.SUPERSEDED),
        (True, -1, State.SUPERSEDED),
        (False, 1, State.SUPERSEDED),
    ],
    ids=["read after", "read at the same time", "read before", "never seen"],
)
def test_known_content_that_was_read_anew_is_a_return(
    known: bool, read: int, expected: State | None
) -> None:
    verdict = late(NOON - HOUR, NOON + read * HOUR, known, {"2024-09": applied()})
    assert state_of(verdict) is expected


def test_older_for_some_periods_only_is_for_a_person_to_decide() -> None:
    shaped = {"2024-09": applied(3, hours=2), "2024-10": applied(2, hours=-2)}
    assert late(NOON, NOON, False, shaped) == Verdict(
        State.HELD,
        "an older state than that of commit 3 for 2024-09; the newest for its other periods",
    )


def test_late_delivery_names_all_that_are_newer() -> None:
    shaped = {"2024-10": applied(9, hours=1), "2024-09": applied(7, hours=1)}
    verdict = late(NOON, NOON, False, shaped)
    assert verdict == Verdict(
        State.SUPERSEDED, "an older state than that of commit 7, 9 for 2024-09, 2024-10"
    )


@pytest.mark.parametrize(
    ("before", "withdrawn", "held"),
    [(100, 20, False), (100, 21, True), (0, 0, False), (3, 1, True), (5, 1, False), (1, 1, True)],
)
def test_share_of_the_scope_decides(before: int, withdrawn: int, held: bool) -> None:
    verdict = shrinks([Period("2024-09", before, withdrawn)], DEFAULT)
    assert state_of(verdict) is (State.HELD if held else None)


@pytest.mark.parametrize(("size", "held"), [(20, False), (21, True)])
def test_small_period_is_judged_with_the_whole_scope(size: int, held: bool) -> None:
    periods = [Period("2024-08", 1_000, 0), Period("2024-09", size, size)]
    assert state_of(shrinks(periods, DEFAULT)) is (State.HELD if held else None)


def test_reason_tells_the_figures() -> None:
    assert shrinks([Period("2024-09", 30, 20)], DEFAULT) == Verdict(
        State.HELD, "it would withdraw 20 of 30 charges"
    )


@pytest.mark.parametrize(("rows", "count", "held"), [(10, 8, False), (10, 9, True), (0, 0, False)])
def test_new_source_with_known_charges_is_held(rows: int, count: int, held: bool) -> None:
    verdict = repeats(rows, {"aws": count, "gcp": 1}, DEFAULT)
    assert state_of(verdict) is (State.HELD if held else None)
    if verdict:
        assert verdict.reason == f"{count} of its {rows} charges were delivered by aws already"


def test_thresholds_can_be_set() -> None:
    everything = Thresholds(withdrawn_share=1, repeated_share=1)
    assert shrinks([Period("2024-09", 100, 100)], everything) is None
    assert repeats(10, {"aws": 10}, everything) is None
