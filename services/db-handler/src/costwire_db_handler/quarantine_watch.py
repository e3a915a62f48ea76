"""Keeps the gauges of the quarantine: what of the deliveries that readers see is in it."""

from __future__ import annotations

import logging
import time
from collections import Counter
from decimal import Decimal

from costwire_db_handler.ledger import Entry
from costwire_db_handler.metrics import HandlerMetrics
from costwire_db_handler.stores import Store
from costwire_focus.canonical import exact_sum

_EVERY_SECONDS = 5.0
_ALL_EVERY_SECONDS = 300.0
"""Other handlers settle deliveries too."""
_COST = "BilledCost"
_ZERO = Decimal(0)
_logger = logging.getLogger(__name__)


class QuarantineWatch:
    """Looks at the tables that have changed, and now and then at all of them."""

    def __init__(
        self, store: Store, metrics: HandlerMetrics, every_seconds: float = _EVERY_SECONDS
    ) -> None:
        self._store = store
        self._metrics = metrics
        self._every_seconds = every_seconds
        self._looked: float | None = None
        self._looked_at_all: float | None = None
        self._currencies: dict[str, set[str]] = {}

    def look(self) -> None:
        """Set the gauges; what goes wrong is logged, and tried the next time.

        To be called often, from one thread.
        """
        moment = time.monotonic()
        if self._looked is not None and moment - self._looked < self._every_seconds:
            return
        self._looked, last = moment, self._looked_at_all
        changed = self._metrics.take_changed()
        try:
            if last is None or moment - last >= _ALL_EVERY_SECONDS:
                self._set({*self._currencies}, None)
                self._looked_at_all = moment
            else:
                for table in sorted(changed):
                    self._set({table}, table)
        except Exception:
            self._looked_at_all = None
            _logger.warning("the quarantine is not known; it is tried again", exc_info=True)

    def _set(self, tables: set[str], of: str | None) -> None:
        """`tables`: those that have gauges; `of`: the one to look at, or all."""
        by_table: dict[str, list[Entry]] = {table: [] for table in tables}
        for entry in self._store.own.standing(of):
            by_table.setdefault(entry.table, []).append(entry)
        unknown: Counter[str] = Counter()
        for found in self._store.own.quarantines(of):
            unknown[found.entry.table] += found.unknown
        for table, standing in by_table.items():
            self._set_rows(table, standing, unknown[table])
            self._set_costs(table, standing)

    def _set_rows(self, table: str, entries: list[Entry], unknown: int) -> None:
        aside = sum(entry.rows.quarantined for entry in entries)
        stored = sum(entry.rows.stored for entry in entries)
        self._metrics.quarantined_charges.labels(table).set(aside)
        self._metrics.quarantined_charges_ratio.labels(table).set(
            ratio(Decimal(aside), Decimal(stored))
        )
        self._metrics.quarantined_unknown.labels(table).set(unknown)
        known = aside + stored - unknown
        self._metrics.quarantined_unknown_ratio.labels(table).set(
            ratio(Decimal(unknown), Decimal(known))
        )

    def _set_costs(self, table: str, entries: list[Entry]) -> None:
        aside: dict[str, Decimal] = {}
        stored: dict[str, Decimal] = {}
        for entry in entries:
            for currency, lines in entry.sums.items():
                line = lines.get(_COST)
                if line is not None:
                    aside[currency] = _plus(aside, currency, line.quarantined)
                    stored[currency] = _plus(stored, currency, line.stored)
        for currency in self._currencies.get(table, set()) - aside.keys():
            self._metrics.quarantined_cost.remove(table, currency)
            self._metrics.quarantined_cost_ratio.remove(table, currency)
        self._currencies[table] = {*aside}
        for currency, amount in aside.items():
            share = ratio(amount, stored[currency])
            self._metrics.quarantined_cost.labels(table, currency).set(float(amount))
            self._metrics.quarantined_cost_ratio.labels(table, currency).set(share)


def _plus(sums: dict[str, Decimal], currency: str, amount: str) -> Decimal:
    return exact_sum((sums.get(currency, _ZERO), Decimal(amount)))


def ratio(aside: Decimal, stored: Decimal) -> float:
    """The share of what is set aside, without signs: credits must not hide it.

    >>> ratio(Decimal(1), Decimal(3)), ratio(Decimal(-1), Decimal(1)), ratio(Decimal(0), Decimal(0))
    (0.25, 0.5, 0.0)
    """
    whole = abs(aside) + abs(stored)
    return float(abs(aside) / whole) if whole else 0.0
