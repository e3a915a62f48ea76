"""The metrics of the database handler."""

from __future__ import annotations

import threading

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

QUARANTINED_CHARGES = Metric(
    "quarantined_charges", "Rows in quarantine of the deliveries that readers see", ("table",)
)
QUARANTINED_CHARGES_RATIO = Metric(
    "quarantined_charges_ratio", "Share of the rows of these deliveries, 0 to 1", ("table",)
)
QUARANTINED_UNKNOWN = Metric(
    "quarantined_unknown_charges",
    "Rows in quarantine whose money is not known: their BilledCost cannot be read",
    ("table",),
)
QUARANTINED_UNKNOWN_RATIO = Metric(
    "quarantined_unknown_charges_ratio",
    "Share of these among the rows of these deliveries, 0 to 1",
    ("table",),
)
QUARANTINED_COST = Metric(
    "quarantined_cost",
    "Known BilledCost of the rows in quarantine, in its currency; a gauge is a double, the ledger "
    "has the exact sum",
    ("table", "currency"),
)
QUARANTINED_COST_RATIO = Metric(
    "quarantined_cost_ratio",
    "Its share: what is in quarantine over that and what is stored, both without signs, 0 to 1",
    ("table", "currency"),
)

ALL_METRICS = (
    DELIVERIES,
    HELD,
    CHARGES,
    UNBALANCED,
    STAGED_CHARGES,
    LAST_SETTLED,
    QUARANTINED_CHARGES,
    QUARANTINED_CHARGES_RATIO,
    QUARANTINED_UNKNOWN,
    QUARANTINED_UNKNOWN_RATIO,
    QUARANTINED_COST,
    QUARANTINED_COST_RATIO,
)

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
        self.quarantined_charges = QUARANTINED_CHARGES.gauge(SERVICE, registry)
        self.quarantined_charges_ratio = QUARANTINED_CHARGES_RATIO.gauge(SERVICE, registry)
        self.quarantined_unknown = QUARANTINED_UNKNOWN.gauge(SERVICE, registry)
        self.quarantined_unknown_ratio = QUARANTINED_UNKNOWN_RATIO.gauge(SERVICE, registry)
        self.quarantined_cost = QUARANTINED_COST.gauge(SERVICE, registry)
        self.quarantined_cost_ratio = QUARANTINED_COST_RATIO.gauge(SERVICE, registry)
        self._changed: set[str] = set()
        self._changing = threading.Lock()

    def settled(self, entry: Entry) -> None:
        """Count a delivery that the store has just settled, or a person decided on."""
        with self._changing:
            self._changed.add(entry.table)
        if (fate_of_note := _FATES_OF_NOTES.get(entry.state)) is not None:
            self._count(entry, fate_of_note)
            return
        self._deliveries.labels(entry.table, entry.state.value).inc()
        if entry.state is State.HELD and (kind := entry.decisions[-1].kind):
            self._held.labels(entry.table, kind.value).inc()
        for fate in _FATES:
            self._count(entry, fate)
        is_first = len(entry.decisions) <= 1
        if is_first and entry.replays is None:
            self._count(entry, "quarantined")
        if is_first and not entry.balanced:
            self._unbalanced.labels(entry.table).inc()
        if entry.times.committed is not None:
            self._last.labels(entry.table).set(entry.times.committed.timestamp())

    def take_changed(self) -> set[str]:
        """The tables of which something was settled since this was asked last."""
        with self._changing:
            changed, self._changed = self._changed, set()
        return changed

    def _count(self, entry: Entry, fate: str) -> None:
        self._charges.labels(entry.table, fate).inc(getattr(entry.rows, fate))
