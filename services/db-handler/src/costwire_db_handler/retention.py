"""History that became too old leaves, after settlements: the setting, and how often one looks."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from datetime import datetime, timedelta

from costwire_db_handler.ledger import Entry
from costwire_db_handler.stores import Store

_EVERY_SECONDS = 3_600.0
_ALL_EVERY_SECONDS = 86_400.0
_logger = logging.getLogger(__name__)


class Retention:
    """Looks at a table after a settlement, at most once an hour; at all of them once a day."""

    def __init__(
        self,
        store: Store,
        days: float | None,
        *,
        clock: Callable[[], datetime],
        on_retired: Callable[[Entry], None],
        every_seconds: float = _EVERY_SECONDS,
    ) -> None:
        """`days`: how long history stays; None is for ever."""
        self._store = store
        self._days = days
        self._clock = clock
        self._on_retired = on_retired
        self._every_seconds = every_seconds
        self._looked: dict[str, float] = {}
        self._looked_at_all: float | None = None
        self._lock = threading.Lock()

    def after(self, table: str) -> None:
        """Let what is too old leave; what goes wrong is logged, and tried the next time."""
        if self._days is None or not self._is_due(table):
            return
        cutoff = self._clock() - timedelta(days=self._days)
        try:
            entry = self._store.own.retire(table, cutoff, self._clock)
        except Exception:
            _logger.warning("old history has not left; it is tried again", exc_info=True)
            return
        if entry is not None:
            self._on_retired(entry)
            _logger.info(
                "old history has left", extra={"table": table, "charges": entry.rows.retired}
            )

    def look(self) -> None:
        """Look at all tables, where that was not done for a day: some get no deliveries any more.

        To be called now and then, from one thread.
        """
        moment, last = time.monotonic(), self._looked_at_all
        if self._days is None or (last is not None and moment - last < _ALL_EVERY_SECONDS):
            return
        self._looked_at_all = moment
        try:
            tables = sorted({entry.table for entry in self._store.own.deliveries()})
        except Exception:
            _logger.warning("the tables are not known; it is tried in a day", exc_info=True)
            return
        for table in tables:
            self.after(table)

    def _is_due(self, table: str) -> bool:
        moment = time.monotonic()
        with self._lock:
            looked = self._looked.get(table)
            if looked is not None and moment - looked < self._every_seconds:
                return False
            self._looked[table] = moment
        return True
