"""Whether CrateDB can be asked at this moment: the handler's readiness."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from costwire_db_handler.stores.cratedb.cluster import Session
from costwire_db_handler.stores.cratedb.failures import StoreProblem

_KNOWN_SECONDS = 1.0
_WAIT_SECONDS = 2.0


class Probe:
    """Asks with the handler's own account, once a second at most, however many ask."""

    def __init__(self, own: Session, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._own = own
        self._clock = clock
        self._known_until = float("-inf")
        self._reason: str | None = None
        self._lock = threading.Lock()

    def why_not_ready(self) -> str | None:
        """Why CrateDB cannot be asked, or None; an answer is waited for for two seconds."""
        with self._lock:
            if self._clock() >= self._known_until:
                self._reason = self._ask()
                self._known_until = self._clock() + _KNOWN_SECONDS
            return self._reason

    def _ask(self) -> str | None:
        try:
            self._own.execute(
                "SELECT head FROM costwire.tables WHERE name = ''", timeout_seconds=_WAIT_SECONDS
            )
        except StoreProblem as problem:
            return problem.detail
        return None
