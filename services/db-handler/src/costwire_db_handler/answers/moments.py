"""Moments of a table: the states that readers were shown, and which of them "as of" means."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from costwire_db_handler.errors import BadQuestion, HistoryGone, UnknownDelivery
from costwire_db_handler.ledger import State
from costwire_focus.canonical import to_text

_COMMIT = re.compile(r"[0-9]{1,18}")
_DELIVERY = re.compile(r"[0-9a-f]{8,64}")
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_TO_ITS_END = timedelta(days=1, milliseconds=-1)
_EARLIEST = datetime(1, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Line:
    """What the ledger tells of a delivery, as far as moments are concerned."""

    commit: int
    delivery: str
    """Its id."""
    source: str
    state: State
    decided: datetime | None
    """When its fate was decided."""
    applied: int | None
    """The state that readers saw from then on, where it made one."""


@dataclass(frozen=True)
class Moment:
    """A state of a table, and since when readers were shown it."""

    state: int
    """0 before the first delivery."""
    commit: int | None = None
    delivery: str | None = None
    at: datetime | None = None

    def told(self) -> dict[str, object]:
        """As answers tell it."""
        return {
            "state": self.state,
            "commit": self.commit,
            "delivery": self.delivery,
            "at": None if self.at is None else to_text(self.at),
        }


NOTHING = Moment(0)


@dataclass(frozen=True)
class History:
    """Every state of one table, oldest first."""

    table: str
    lines: Sequence[Line]
    horizon: int = 0
    """States before this one are not kept any more."""

    def moment(self, asked: str | None, now: datetime) -> Moment:
        """What an `as_of` means; nothing asked is the present.

        Asked:  a commit number, a delivery's id (8 digits of it or more) or a time: a day alone
                is its end. A delivery that was shown to nobody means what readers saw when its fate
                was decided; an id that came several times means its last arrival.
        Raises: `BadQuestion`, `UnknownDelivery`, `HistoryGone`.
        """
        asked = (asked or "").strip()
        if not asked:
            return self._kept(self._latest(None))
        is_known = asked in {str(line.commit) for line in self.lines}
        if is_known or (_COMMIT.fullmatch(asked) and not self._begins_an_id(asked)):
            return self._kept(self._of_commit(int(asked)))
        if _DELIVERY.fullmatch(asked):
            return self._kept(self._of_delivery(asked))
        return self._kept(self._latest(read_time(asked, now)))

    def moments(self) -> list[Moment]:
        """Every state that readers were shown, oldest first."""
        return [_moment(line) for line in sorted(self.lines, key=_state) if line.applied]

    def _latest(self, until: datetime | None) -> Moment:
        """The last state that readers were shown until a time."""
        shown = [
            line
            for line in self.lines
            if line.applied is not None and (until is None or _decided(line) <= until)
        ]
        return _moment(max(shown, key=_state)) if shown else NOTHING

    def _begins_an_id(self, digits: str) -> bool:
        return bool(_DELIVERY.fullmatch(digits)) and any(
            line.delivery.startswith(digits) for line in self.lines
        )

    def _of_commit(self, commit: int) -> Moment:
        for line in self.lines:
            if line.commit == commit:
                return self._of_line(line)
        raise UnknownDelivery(
            f"{self.table} has no delivery with the number {commit}; "
            f"GET /deliveries?table={self.table} lists them"
        )

    def _of_delivery(self, delivery: str) -> Moment:
        lines = [line for line in self.lines if line.delivery.startswith(delivery)]
        if len({line.delivery for line in lines}) > 1:
            raise BadQuestion(f"several deliveries begin with {delivery}: give more of its digits")
        if not lines:
            raise UnknownDelivery(
                f"{self.table} has no delivery {delivery}; "
                f"GET /deliveries?table={self.table} lists them"
            )
        shown = [line for line in lines if line.applied is not None]
        return self._of_line(max(shown, key=_state) if shown else lines[-1])

    def _of_line(self, line: Line) -> Moment:
        if line.state is State.OPEN:
            raise BadQuestion(f"delivery {line.commit} is open: nobody has seen it yet")
        return _moment(line) if line.applied is not None else self._latest(line.decided)

    def _kept(self, moment: Moment) -> Moment:
        # A state that changed nothing may end the history that was removed.
        if moment.state >= self.horizon:
            return moment
        first = self.horizon
        raise HistoryGone(
            f"{self.table} as of state {moment.state} is not kept any more: the history before "
            f"state {first} was removed after the time that HANDLER_HISTORY_DAYS sets"
        )


def read_time(text: str, now: datetime) -> datetime:
    """A time in UTC that has come; a day alone is its end. Raises `BadQuestion`."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise BadQuestion(
            f"as of {text!r}: give a commit number, a delivery's id, or a time such as "
            "2024-09-03 or 2024-09-03T12:00:00Z"
        ) from None
    try:
        moment = moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except OverflowError:
        raise BadQuestion(f"as of {text}: it is not in the years 1 to 9999") from None
    if moment > now:
        raise BadQuestion(f"as of {text}: this time has not come; it is {to_text(now)} now")
    return min(now, moment + _TO_ITS_END) if _DAY.fullmatch(text) else moment


def _moment(line: Line) -> Moment:
    return Moment(_state(line), line.commit, line.delivery, line.decided)


def _state(line: Line) -> int:
    return line.applied or 0


def _decided(line: Line) -> datetime:
    return line.decided or _EARLIEST
