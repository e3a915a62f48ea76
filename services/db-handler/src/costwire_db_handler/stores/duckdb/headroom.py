"""Lets a single huge allocation fail at once, as an error of the statement that wanted it.

A statement cannot be interrupted within one step, and one step can ask for gigabytes. So while
statements of users run, the process may grow by so much and no more; while a delivery is written
it is free, because a delivery must never be what fails.
"""

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from costwire_db_handler.stores.duckdb.watchdog import MIB

try:
    import resource
except ImportError:  # pragma: no cover - there is none on Windows
    resource = None  # type: ignore[assignment]

_USED = Path("/proc/self/statm")
_DATA_FIELD = 5

_log = logging.getLogger(__name__)


class Headroom:
    """How much the process may grow while statements of users run, where a system can limit it."""

    def __init__(self, *, allowance_bytes: int = 300 * MIB) -> None:
        self._allowance = allowance_bytes
        self._bounded = 0
        self._freed = 0
        self._limit = 0
        self._lock = threading.Lock()
        known = resource is not None and _USED.exists()
        self._original = resource.getrlimit(resource.RLIMIT_DATA) if known else None

    @contextmanager
    def bounded(self) -> Iterator[None]:
        """Around a statement of a user: hold the limit until the last of them ends."""
        with self._lock:
            self._bounded += 1
            self._settle(statement_begins=True)
        try:
            yield
        finally:
            with self._lock:
                self._bounded -= 1
                self._settle()

    @contextmanager
    def unbounded(self) -> Iterator[None]:
        """Around the writing of a delivery: no limit, whatever else runs."""
        with self._lock:
            self._freed += 1
            self._settle()
        try:
            yield
        finally:
            with self._lock:
                self._freed -= 1
                self._settle(statement_begins=self._bounded > 0)

    def _settle(self, *, statement_begins: bool = False) -> None:
        """Set or lift the limit; without one where that cannot be done."""
        try:
            self._set_limit(statement_begins)
        except (OSError, ValueError, MemoryError) as error:
            _log.warning("The growth of the process is not limited", exc_info=error)

    def _set_limit(self, statement_begins: bool) -> None:
        if self._original is None:
            return
        if self._freed or not self._bounded:
            if self._limit:
                self._limit = 0
                resource.setrlimit(resource.RLIMIT_DATA, self._original)
            return
        if statement_begins:
            used = _used_bytes()
            # Beside others a statement gets a quarter, so that many together stay bounded too.
            share = self._allowance // 4 if self._limit else self._allowance
            self._limit = max(self._limit, used + share)
            soft, hard = self._original
            given = [bound for bound in (soft, hard) if bound != resource.RLIM_INFINITY]
            resource.setrlimit(resource.RLIMIT_DATA, (min([self._limit, *given]), hard))


def _used_bytes() -> int:
    return int(_USED.read_text().split()[_DATA_FIELD]) * resource.getpagesize()
