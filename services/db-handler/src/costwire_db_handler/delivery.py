"""A delivery as a store knows it: its manifest, its entry in the ledger, and what it brought."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime

from costwire_db_handler.ledger import Act, Decision, Entry, HeldFor, State
from costwire_focus.manifest import Manifest, ManifestTimes


@dataclass(frozen=True)
class Delivery:
    """A delivery that arrived."""

    manifest: Manifest
    entry: Entry
    periods: list[str] = field(default_factory=list)
    """The billing periods that it is the state of, once that is known."""
    applied: int | None = None
    """The state that readers saw from then on; its new charges carry this number."""
    kept: int | None = None
    """Of one that was set aside: the number that its charges carry, which no reader sees."""
    twin: int | None = None
    """Of a repeated content: the delivery that brought it."""
    dry_run: bool = False

    @property
    def commit(self) -> int:
        """Its number."""
        return self.entry.commit

    @property
    def brought_by(self) -> int:
        """The delivery whose charges and quarantined rows are this one's."""
        return self.twin or self.commit

    def settled(self, **changes: object) -> Delivery:
        """The delivery with another entry: the fields that differ."""
        return replace(self, entry=self.entry.model_copy(update=changes))

    def aborted(self, now: datetime, by: str | None, reason: str | None = None) -> Delivery:
        """The delivery given up; `by`: a user, None for the handler itself."""
        return self.settled(state=State.ABORTED).decided(now, Act.ABORTED, by=by, reason=reason)

    def rejected(self, now: datetime, by: str | None) -> Delivery:
        """The delivery that is not to be seen."""
        return self.settled(state=State.REJECTED).decided(now, Act.REJECTED, by=by)

    def overtaken(self, now: datetime) -> Delivery:
        """The delivery that was held, and is superseded now; it keeps the time of before."""
        entry = self.entry
        told = Decision(act=Act.SUPERSEDED, at=self._not_before(now), reason=entry.reason)
        rows = entry.rows.model_copy(update={"held": 0})
        return self.settled(rows=rows, decisions=[*entry.decisions, told])

    def decided(
        self,
        now: datetime,
        act: Act,
        *,
        by: str | None = None,
        reason: str | None = None,
        kind: HeldFor | None = None,
    ) -> Delivery:
        """The delivery whose fate was decided, or decided anew: when, and by whom."""
        entry, at = self.entry, self._not_before(now)
        held = entry.rows.stored if entry.state is State.HELD else 0
        told = Decision(act=act, by=by, at=at, reason=reason, kind=kind)
        return self.settled(
            rows=entry.rows.model_copy(update={"held": held}),
            decisions=[*entry.decisions, told],
            times=entry.times.model_copy(update={"committed": at}),
        )

    def _not_before(self, now: datetime) -> datetime:
        """The time, or that of what was decided before where the clock says an earlier one."""
        last = self.entry.times.committed
        return now if last is None else max(now, last)

    def read_at(self, times: ManifestTimes) -> Delivery:
        """The delivery of a source that was read again and had not changed."""
        told = self.entry.times.model_copy(update={"read": times.read})
        manifest = self.manifest.model_copy(update={"times": times})
        return replace(self.settled(times=told), manifest=manifest)
