"""A gate that all who use the file pass, closed while another file takes its place.

Whoever closes it waits for those inside; whoever comes meanwhile waits before it. Neither for ever.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from costwire_db_handler.errors import StoreBusy


class Gate:
    """Open, unless one thread has closed it."""

    def __init__(self, *, wait_seconds: float) -> None:
        self._wait_seconds = wait_seconds
        self._inside = 0
        self._is_closed = False
        self._changed = threading.Condition()

    @property
    def is_closed(self) -> bool:
        """Whether whoever comes now has to wait."""
        return self._is_closed

    @contextmanager
    def passed(self) -> Iterator[None]:
        """Inside; raises `StoreBusy` when the gate stays closed."""
        with self._changed:
            if not self._changed.wait_for(lambda: not self._is_closed, self._wait_seconds):
                raise StoreBusy(
                    "use the store: its file is being rewritten after an erasure; try again"
                )
            self._inside += 1
        try:
            yield
        finally:
            with self._changed:
                self._inside -= 1
                self._changed.notify_all()

    @contextmanager
    def closed(self) -> Iterator[None]:
        """Alone; raises `StoreBusy` when the others do not leave."""
        with self._changed:
            if self._is_closed:
                raise StoreBusy("rewrite the file: it is being rewritten already; try again")
            self._is_closed = True
            alone = self._changed.wait_for(lambda: not self._inside, self._wait_seconds)
            if not alone:
                self._open()
                raise StoreBusy(
                    f"rewrite the file: others have been using it for {self._wait_seconds:g} "
                    "seconds; try again, or start the handler anew, which does it first"
                )
        try:
            yield
        finally:
            with self._changed:
                self._open()

    def _open(self) -> None:
        self._is_closed = False
        self._changed.notify_all()
