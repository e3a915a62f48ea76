"""Times of day that order what happens: they never go back, whatever the machine's clock does."""

from datetime import UTC, datetime, timedelta

_STEP = timedelta(milliseconds=1)
"""What manifests and ledgers can tell apart."""


def utc_now() -> datetime:
    """The present instant, aware UTC."""
    return datetime.now(UTC)


def later_than(last: datetime | None, now: datetime) -> datetime:
    """The present instant; a step after the last one, where the clock was set back since."""
    return now if last is None else max(now, last + _STEP)
