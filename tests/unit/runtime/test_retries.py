"""Pauses between tries, and the forms of Retry-After."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from costwire_runtime.retries import Backoff, retry_after_seconds

NOON = datetime(2025, 1, 1, 12, tzinfo=UTC)


def test_pauses_double_up_to_the_cap() -> None:
    backoff = Backoff(first_seconds=0.5, cap_seconds=3.0, jitter=lambda: 1.0)
    assert [backoff.pause(retry) for retry in range(5)] == [0.5, 1.0, 2.0, 3.0, 3.0]


@given(st.integers(0, 10_000), st.floats(0, 1))
def test_jitter_stays_between_zero_and_the_bound(retry: int, share: float) -> None:
    backoff = Backoff(first_seconds=0.2, cap_seconds=10.0, jitter=lambda: share)
    assert 0 <= backoff.pause(retry) <= 10.0


def test_pause_is_never_shorter_than_asked_for() -> None:
    assert Backoff(jitter=lambda: 0.0).pause(0, 7.0) == 7.0


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        pytest.param(None, None, id="absent"),
        pytest.param("120", 120.0, id="seconds"),
        pytest.param("Wed, 01 Jan 2025 12:00:30 GMT", 30.0, id="date"),
        pytest.param("Wed, 01 Jan 2025 11:00:00 GMT", 0.0, id="past date"),
        pytest.param("Wed, 01 Jan 2025 12:00:30 -0000", 30.0, id="date without zone"),
        pytest.param("-5", None, id="negative"),
        pytest.param("soon", None, id="words"),
        pytest.param("", None, id="empty"),
        pytest.param("²", None, id="digit of another script"),
    ],
)
def test_retry_after_is_read_in_both_forms(header: str | None, seconds: float | None) -> None:
    assert retry_after_seconds(header, NOON) == seconds
