"""The metrics of the database handler."""

from __future__ import annotations

from datetime import datetime

from prometheus_client import CollectorRegistry

from costwire_db_handler.ledger import Entry, State
from costwire_runtime.metrics import Metric

SERVICE = "db_handler"

DELIVERIES = Metric(
    "deliveries_total", "Deliveries settled, by the state they got", ("table", "state")
)
CHARGES = Metric(
    "charges_total",
    "Charges of settled deliveries: added, removed, corrected, unchanged, quarantined; "
    "erased, and retired: left as too old",
    ("table", "fate"),
)
UNBALANCED = Metric(
    "unbalanced_deliveries_total", "Deliveries whose ledger does not balance", ("table",)
)
STAGED_CHARGES = Metric("staged_charges_total", "Charges received in parts of open deliveries")
LAST_SETTLED = Metric(
    "last_settled_timestamp_seconds", "When a delivery of the table was last settled", ("table",)
)

ALL_METRICS = (DELIVERIES, CHARGES, UNBALANCED, STAGED_CHARGES, LAST_SETTLED)

_FATES = ("added", "removed", "corrected", "unchanged", "quarantined")
_FATES_OF_NOTES = {State.ERASED: ("erased",), State.RETIRED: ("retired",)}
"""Of entries that are no deliveries; a delivery tells the charges of another one as erased."""


class HandlerMetrics:
    """The handler's metrics on one registry."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._deliveries = DELIVERIES.counter(SERVICE, registry)
        self._charges = CHARGES.counter(SERVICE, registry)
        self._unbalanced = UNBALANCED.counter(SERVICE, registry)
        self._last = LAST_SETTLED.gauge(SERVICE, registry)
        self.staged_charges = STAGED_CHARGES.counter(SERVICE, registry)

    def settled(self, entry: Entry, now: datetime) -> None:
        """Count a delivery if it was settled at this moment, and not before or not yet."""
        if entry.times.committed != now:
            return
        self._deliveries.labels(entry.table, entry.state.value).inc()
        for fate in _FATES_OF_NOTES.get(entry.state, _FATES):
            self._charges.labels(entry.table, fate).inc(getattr(entry.rows, fate))
        if not entry.balanced:
            self._unbalanced.labels(entry.table).inc()
        self._last.labels(entry.table).set(now.timestamp())
