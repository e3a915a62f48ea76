"""Deliveries that readers see something of, and what of them is in quarantine; pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from costwire_db_handler.ledger import SHOWN, Entry
from costwire_db_handler.quarantined import RuleCount


@dataclass(frozen=True)
class QuarantineOf:
    """What of a delivery is in quarantine."""

    entry: Entry
    rules: Sequence[RuleCount]

    @property
    def unknown(self) -> int:
        """Rows whose money is not known."""
        return sum(each.unknown for each in self.rules)


def standing(entries: Iterable[Entry], shaping: Collection[int]) -> list[Entry]:
    """The entries whose figures are those of now, in their order.

    `shaping`: the deliveries that shaped a billing period last, or appended to one. A delivery of
    which every row is in quarantine shapes none: it stands until another of its source is shown.
    """
    shown = [entry for entry in entries if entry.state in SHOWN]
    last = {(entry.table, entry.source): entry.commit for entry in shown}
    return [
        entry
        for entry in shown
        if entry.commit in shaping
        or (not entry.rows.stored and last[entry.table, entry.source] == entry.commit)
    ]
