"""What becomes of a delivery."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from costwire_db_handler.decide import (
    Applied,
    Change,
    ClosedPeriods,
    Period,
    Thresholds,
    Verdict,
    closes,
    late,
    repeats,
    shrinks,
)
from costwire_db_handler.ledger import HeldFor, State

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
        HeldFor.OLDER,
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
        State.HELD, "it would withdraw 20 of 30 charges", HeldFor.WITHDRAWN
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


def in_utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=None)


AUGUST = "2024-08-01T00:00:00Z"
OF_GOOGLE = "2024-08-01T07:00:00Z"
OF_TOKYO = "2024-07-31T15:00:00Z"
ENDS = {
    AUGUST: in_utc("2024-09-01T00:00:00"),
    OF_GOOGLE: in_utc("2024-09-01T07:00:00"),
    OF_TOKYO: in_utc("2024-08-31T15:00:00"),
}


@pytest.mark.parametrize("ends_are_told", [True, False])
@pytest.mark.parametrize("label", ENDS)
def test_month_of_a_billing_period_is_the_reports_own(label: str, ends_are_told: bool) -> None:
    ends = [ENDS[label]] if ends_are_told else []
    assert ClosedPeriods(through="2024-08").month(label, ends, NOON) == "2024-08"
    assert ClosedPeriods(through="2024-07").month(label, ends, NOON) is None
    assert ClosedPeriods(months=frozenset({"2024-08"})).month(label, ends, NOON) == "2024-08"
    assert ClosedPeriods(months=frozenset({"2024-07", "2024-09"})).month(label, ends, NOON) is None


@pytest.mark.parametrize("ends_are_told", [True, False])
@pytest.mark.parametrize("label", ENDS)
@pytest.mark.parametrize(("days", "seconds", "closed"), [(10, 0, True), (10, -1, False)])
def test_period_closes_so_many_days_after_its_own_end(
    label: str, ends_are_told: bool, days: float, seconds: float, closed: bool
) -> None:
    ends = [ENDS[label]] if ends_are_told else []
    now = ENDS[label].replace(tzinfo=UTC) + timedelta(days=days, seconds=seconds)
    elsewhere = now.astimezone(timezone(timedelta(hours=9)))
    for clock in (now, elsewhere):
        month = ClosedPeriods(after_days=days).month(label, ends, clock)
        assert month == ("2024-08" if closed else None)


@pytest.mark.parametrize("label", ["", "August", "2024-13-01T00:00:00Z"])
def test_period_that_is_no_time_is_never_closed(label: str) -> None:
    everything = ClosedPeriods(0, "9999-12", frozenset({"2024-08"}))
    assert everything.month(label, [], NOON) is None


@pytest.mark.parametrize("label", ["9999-12-01T00:00:00Z", "9999-12-31T23:59:59Z"])
def test_period_at_the_end_of_time_is_one_all_the_same(label: str) -> None:
    assert ClosedPeriods(through="9999-12").month(label, [], NOON) == "9999-12"
    assert ClosedPeriods(after_days=0).month(label, [], NOON) is None


def test_end_before_the_start_is_none() -> None:
    wrong = [in_utc("2020-01-01T00:00:00")]
    assert ClosedPeriods(after_days=0).month(AUGUST, wrong, NOON.replace(month=8)) is None


def test_one_end_by_which_it_is_closed_is_enough() -> None:
    ends = [ENDS[AUGUST], in_utc("2030-01-01T00:00:00")]
    assert ClosedPeriods(through="2024-08").month(AUGUST, ends, NOON) == "2024-08"


@given(
    years=st.tuples(st.integers(1990, 2100), st.integers(1990, 2100)),
    months=st.tuples(st.integers(1, 12), st.integers(1, 12)),
    hours=st.integers(-14, 14),
    end_is_told=st.booleans(),
)
def test_month_is_closed_exactly_up_to_the_one_that_is_set(
    years: tuple[int, int], months: tuple[int, int], hours: int, end_is_told: bool
) -> None:
    """In whatever zone the report's months begin."""
    (month, through) = (f"{y}-{m:02}" for y, m in zip(years, months, strict=True))
    shift = timedelta(hours=hours)
    start = in_utc(f"{month}-01") + shift
    end = in_utc(f"{years[0] + months[0] // 12}-{months[0] % 12 + 1:02}-01") + shift
    closed = ClosedPeriods(through=through).month(
        f"{start.isoformat()}Z", [end] if end_is_told else [], NOON
    )
    assert closed == (month if month <= through else None)


def test_nothing_is_closed_unless_told() -> None:
    assert not ClosedPeriods()
    assert ClosedPeriods().month(AUGUST, [], NOON) is None
    assert ClosedPeriods(after_days=0)


def test_reason_names_closed_periods_and_counts() -> None:
    assert closes([]) is None
    assert closes([Change(AUGUST, "2024-08", 3, 2)]) == Verdict(
        State.HELD,
        "it would change the closed billing period 2024-08 (2024-08-01T00:00:00Z): "
        "3 added, 2 withdrawn",
        HeldFor.CLOSED_PERIOD,
        ("2024-08",),
    )
    two = closes([Change(AUGUST, "2024-08", 3, 0), Change(OF_GOOGLE, "2024-08", 0, 1)])
    assert two == Verdict(
        State.HELD,
        "it would change the closed billing periods 2024-08 (2024-08-01T00:00:00Z): 3 added, "
        "0 withdrawn; 2024-08 (2024-08-01T07:00:00Z): 0 added, 1 withdrawn",
        HeldFor.CLOSED_PERIOD,
        ("2024-08",),
    )


def test_reason_names_no_more_than_five_periods() -> None:
    changes = [Change(f"{2000 + n}-01-01T00:00:00Z", f"{2000 + n}-01", 1, 0) for n in range(9)]
    verdict = closes(changes)
    assert verdict is not None
    assert verdict.reason is not None
    assert verdict.reason.endswith("; and 4 more")
    assert len(verdict.closed) == 9
