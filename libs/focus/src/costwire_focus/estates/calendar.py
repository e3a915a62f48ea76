"""Months, days and hours of an estate, and how busy each day is."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property

import numpy as np

from costwire_focus.estates.draws import Ints

_WEEKDAY, _WEEKEND, _CLOSING = 100, 62, 128  # percent of an ordinary weekday


@dataclass(frozen=True)
class Month:
    """One calendar month in UTC; hours are counted from the start of the month before it."""

    name: str

    @cached_property
    def start(self) -> datetime:
        """First instant of the month."""
        return datetime.strptime(self.name, "%Y-%m").replace(tzinfo=UTC)

    @cached_property
    def end(self) -> datetime:
        """First instant of the next month."""
        return (self.start + timedelta(days=31)).replace(day=1)

    @cached_property
    def before(self) -> datetime:
        """First instant of the month before."""
        return (self.start - timedelta(days=1)).replace(day=1)

    @property
    def days(self) -> int:
        """Number of days."""
        return (self.end - self.start).days

    @property
    def first_hour(self) -> int:
        """The hour number at which the month starts."""
        return (self.start - self.before).days * 24

    @cached_property
    def day_percent(self) -> Ints:
        """How busy each day is: weekends are quiet, the last two days close the books."""
        percent = [
            _WEEKEND if (self.start + timedelta(days=day)).weekday() >= 5 else _WEEKDAY
            for day in range(self.days)
        ]
        percent[-2:] = [_CLOSING, _CLOSING]
        return np.array(percent, dtype=np.int64)

    @cached_property
    def instants(self) -> list[str]:
        """The FOCUS text of every hour from the month before to the end of this one."""
        days = range((self.end - self.before).days)
        dates = ((self.before + timedelta(days=day)).strftime("%Y-%m-%d") for day in days)
        texts = [f"{date}T{hour:02d}:00:00Z" for date in dates for hour in range(24)]
        return [*texts, instant_text(self.end)]


def instant_text(instant: datetime) -> str:
    """The form that FOCUS wants, e.g. `2024-09-01T00:00:00Z`."""
    return instant.strftime("%Y-%m-%dT%H:%M:%SZ")
