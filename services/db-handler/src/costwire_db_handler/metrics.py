"""The metrics of the database handler."""

from __future__ import annotations

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

HELD = Metric(
    "deliveries_held_total",
    "Deliveries held, by kind of reason: closed-period, empty, older, repeated, withdrawn",
    ("table", "reason"),
)

ALL_METRICS = (DELIVERIES, HELD, CHARGES, UNBALANCED, STAGED_CHARGES, LAST_SETTLED)

_FATES = ("added", "removed", "corrected", "unchanged")
"""Of each decision; what was quarantined, and whether it balances, is counted at the first one."""
_FATES_OF_NOTES = {State.ERASED: "erased", State.RETIRED: "retired"}
"""Of entries that are no deliveries; a delivery tells the charges of another one as erased."""


class HandlerMetrics:
    """The handler's metrics on one registry."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._deliveries = DELIVERIES.counter(SERVICE, registry)
        self._held = HELD.counter(SERVICE, registry)
        self._charges = CHARGES.counter(SERVICE, registry)
        self._unbalanced = UNBALANCED.counter(SERVICE, registry)
        self._last = LAST_SETTLED.gauge(SERVICE, registry)
        self.staged_charges = STAGED_CHARGES.counter(SERVICE, registry)

    def settled(self, entry: Entry) -> None:
        """Count a delivery that the store has just settled, or a person decided on."""
        if (fate_of_note := _FATES_OF_NOTES.get(entry.state)) is not None:
            self._count(entry, fate_of_note)
            return
        self._deliveries.labels(entry.table, entry.state.value).inc()
        if entry.state is State.HELD and (kind := entry.decisions[-1].kind):
            self._held.labels(entry.table, kind.value).inc()
        for fate in _FATES:
            self._count(entry, fate)
        is_first = len(entry.decisions) <= 1
        if is_first:
            self._count(entry, "quarantined")
        if is_first and not entry.balanced:
            self._unbalanced.labels(entry.table).inc()
        if entry.times.committed is not None:
            self._last.labels(entry.table).set(entry.times.committed.timestamp())

    def _count(self, entry: Entry, fate: str) -> None:
        self._charges.labels(entry.table, fate).inc(getattr(entry.rows, fate))
