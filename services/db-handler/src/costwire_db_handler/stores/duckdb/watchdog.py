"""Stops statements of users that run too long, and the newest when the process grows too large.

Deliveries are never watched, so they are never stopped.
"""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

import psutil

MIB = 1024 * 1024


class Stopped(StrEnum):
    """Why a statement was stopped."""

    TIME = "time"
    MEMORY = "memory"


class Interruptible(Protocol):
    """What can be stopped from another thread."""

    def interrupt(self) -> None:
        """Stop what runs; nothing happens when nothing does."""


@dataclass(eq=False)
class Watch:
    """A statement that runs; `stopped` says why it was interrupted."""

    connection: Interruptible
    started: float
    deadline: float
    bytes_at_start: int
    stopped: Stopped | None = None


def resident_bytes() -> int:
    """The memory that this process holds."""
    return int(psutil.Process().memory_info().rss)


class Watchdog:
    """Looks at the running statements of users, all on one thread that ends with `close`."""

    def __init__(
        self,
        *,
        ceiling_bytes: int = 448 * MIB,
        interval_seconds: float = 0.02,
        growth_bytes: int = 16 * MIB,
        pause_seconds: float = 0.25,
        measure: Callable[[], int] = resident_bytes,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._ceiling = ceiling_bytes
        self._interval = interval_seconds
        self._growth = growth_bytes
        self._pause = pause_seconds
        self._measure = measure
        self._clock = clock
        self._watches: list[Watch] = []
        self._changed = threading.Condition()
        self._next_victim_after = 0.0
        self._closed = False
        self._thread: threading.Thread | None = None

    def wait_for_room(self, *, seconds: float = 1.0) -> None:
        """Wait while the process is too large, but not longer: it may be so for another reason.

        What a hungry statement took is given back a moment after its end.
        """
        until = self._clock() + seconds
        while self._measure() > self._ceiling and self._clock() < until:
            time.sleep(self._interval)

    @contextmanager
    def watch(self, connection: Interruptible, *, timeout_seconds: float) -> Iterator[Watch]:
        """Watch what the block runs on a connection; nothing is interrupted after its end."""
        now = self._clock()
        watch = Watch(connection, now, now + timeout_seconds, self._measure())
        with self._changed:
            self._watches.append(watch)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="watchdog", daemon=True)
                self._thread.start()
            self._changed.notify()
        try:
            yield watch
        finally:
            with self._changed:
                self._watches.remove(watch)

    def look(self) -> None:
        """Decide once who has to stop, and tell them; those told before are told again."""
        with self._changed:
            now = self._clock()
            for watch in self._watches:
                if watch.stopped is None and now >= watch.deadline:
                    watch.stopped = Stopped.TIME
            self._stop_the_newest(now)
            for watch in self._watches:
                if watch.stopped is not None:
                    watch.connection.interrupt()

    def _stop_the_newest(self, now: float) -> None:
        if not self._watches or now < self._next_victim_after:
            return
        held = self._measure()
        if held <= self._ceiling:
            return
        # A process that is large already, but does not grow, is no statement's fault.
        running = [
            watch
            for watch in self._watches
            if watch.stopped is None and held - watch.bytes_at_start > self._growth
        ]
        if running:
            max(running, key=lambda watch: watch.started).stopped = Stopped.MEMORY
            self._next_victim_after = now + self._pause

    def _run(self) -> None:
        while True:
            with self._changed:
                while not self._watches and not self._closed:
                    self._changed.wait(timeout=60.0)
                if self._closed:
                    return
            self.look()
            time.sleep(self._interval)

    def close(self) -> None:
        """End the thread."""
        with self._changed:
            self._closed = True
            self._changed.notify()
        if self._thread is not None:
            self._thread.join(timeout=5.0)
