"""Deliveries into a store, as short as a test wants them."""

from __future__ import annotations

import hashlib

from tests.factories import Report, clock, part_body

from costwire_db_handler.ledger import Entry, State
from costwire_db_handler.stores import CostStore


def opened(store: CostStore, report: Report) -> Entry:
    """Announce a delivery and send all of it."""
    entry = store.open_delivery(report.manifest, clock)
    if entry.state is State.OPEN:
        for seq, part in enumerate(report.parts):
            digest = hashlib.sha256(part_body(part)).hexdigest()
            store.stage_part(entry.commit, seq, part, digest)
        store.set_quarantine(entry.commit, report.quarantine)
    return entry


def deliver(store: CostStore, report: Report) -> Entry:
    """Announce, send and commit a delivery."""
    entry = opened(store, report)
    return store.commit(entry.commit, clock) if entry.state is State.OPEN else entry
