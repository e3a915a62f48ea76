"""What questions ask of an engine: the versions of one table, as one moment has them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from costwire_db_handler.answers.grouping import Months, instant_text
from costwire_db_handler.answers.moments import History
from costwire_db_handler.answers.speech import Fragment, Speech
from costwire_focus.manifest import month_of

Row = Sequence[object]


class Versions(Protocol):
    """All versions of a table's charges, with a caller's rights, within limits of time."""

    @property
    def speech(self) -> Speech:
        """How the engine speaks of the table."""
        ...

    @property
    def history(self) -> History:
        """The states that readers were shown."""
        ...

    def rows(self, statement: Fragment) -> Sequence[Row]:
        """The rows of a query; raises `QuestionTooLong` when it takes too long."""
        ...


def months(versions: Versions, state: int) -> Months:
    """The billing periods of a state, and the months that they are by their own bounds."""
    speech = versions.speech
    end = "NULL"
    if "BillingPeriodEnd" in speech.columns:
        end = f"max({speech.columns['BillingPeriodEnd'].sql})"
    text = f'SELECT "_period", {end} FROM {speech.visible(state)} GROUP BY 1'
    return {
        str(period): _month(str(period), instant_text(last))
        for period, last in versions.rows(Fragment(text))
    }


def _month(period: str, end: str | None) -> str | None:
    try:
        start = datetime.fromisoformat(period).replace(tzinfo=None)
    except ValueError:
        return None
    until = datetime.fromisoformat(end).replace(tzinfo=None) if end else None
    return month_of(start, until)
