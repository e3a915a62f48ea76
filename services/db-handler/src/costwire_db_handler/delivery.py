"""A delivery as a store knows it: its manifest, its entry in the ledger, and what it brought."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime

from costwire_db_handler.ledger import Entry, State
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

    def aborted(self, now: datetime) -> Delivery:
        """The delivery given up."""
        return self.settled(state=State.ABORTED).decided_at(now)

    def rejected(self, now: datetime) -> Delivery:
        """The delivery that is not to be seen."""
        return self.settled(state=State.REJECTED).decided_at(now)

    def decided_at(self, now: datetime) -> Delivery:
        """The delivery with the time at which its fate was decided, or decided anew."""
        times = self.entry.times
        at = now if times.committed is None else max(now, times.committed)
        return self.settled(times=times.model_copy(update={"committed": at}))

    def read_at(self, times: ManifestTimes) -> Delivery:
        """The delivery of a source that was read again and had not changed."""
        told = self.entry.times.model_copy(update={"read": times.read})
        manifest = self.manifest.model_copy(update={"times": times})
        return replace(self.settled(times=told), manifest=manifest)
