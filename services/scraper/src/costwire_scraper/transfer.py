"""Moves blocks to the handler: one thread decodes, the caller's posts, a bounded queue between."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from costwire_focus.manifest import ChangeKind
from costwire_scraper.errors import BrokenExposition

_TICK_SECONDS = 0.2
_JOIN_SECONDS = 10.0


@dataclass(frozen=True)
class Part:
    """A decoded block, ready to be posted; `body` is None where the handler has it already."""

    seq: int
    rows: int
    body: bytes | None
    kind: ChangeKind | None = None
    """Of what the delivery changes; None: of the whole."""


class _Failed:
    def __init__(self, error: BaseException) -> None:
        self.error = error


class Transfer:
    """A producer of parts in a thread of its own, read by the thread that posts them.

    Raises: whatever the producer raises, in the reading thread; `BrokenExposition` when no part
            comes for `stall_seconds`.
    """

    def __init__(
        self, produce: Callable[[], Iterator[Part]], *, depth: int, stall_seconds: float
    ) -> None:
        """`produce` runs in the other thread; at most `depth` parts wait between the two."""
        self._produce = produce
        self._queue: queue.Queue[Part | _Failed | None] = queue.Queue(maxsize=depth)
        self._stall_seconds = stall_seconds
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="decode", daemon=True)

    def __enter__(self) -> Iterator[Part]:
        self._thread.start()
        return self._parts()

    def __exit__(self, *exc_info: object) -> None:
        self._stopped.set()
        self._thread.join(_JOIN_SECONDS)

    def _run(self) -> None:
        try:
            for part in self._produce():
                if not self._put(part):
                    return
        except BaseException as error:
            self._put(_Failed(error))
        else:
            self._put(None)

    def _put(self, item: Part | _Failed | None) -> bool:
        while not self._stopped.is_set():
            try:
                self._queue.put(item, timeout=_TICK_SECONDS)
            except queue.Full:
                continue
            return True
        return False

    def _parts(self) -> Iterator[Part]:
        while True:
            try:
                item = self._queue.get(timeout=self._stall_seconds)
            except queue.Empty:
                raise BrokenExposition(
                    f"read exposition: nothing came for {self._stall_seconds:g} seconds"
                ) from None
            if item is None:
                return
            if isinstance(item, _Failed):
                raise item.error
            yield item
