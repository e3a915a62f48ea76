"""How far a delivery is: a bar on a terminal, a line now and then elsewhere; on standard error."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from rich.progress import Progress as RichProgress
    from rich.progress import TaskID

PAUSE_BETWEEN_LINES = 10.0


class Pace:
    """Rows per second and the seconds left, out of what is done since the start."""

    def __init__(self, started: float) -> None:
        """`started`: a monotonic time."""
        self._started = started

    def text(self, rows: int, done: int, total: int, now: float) -> str:
        """`done` of `total` is in any unit; rows are counted beside it."""
        seconds = max(now - self._started, 0.001)
        told = f"{rows:,} rows, {rows / seconds:,.0f} rows/s"
        if not 0 < done < total:
            return told
        left = seconds * (total - done) / done
        return f"{done / total:.0%}, {told}, {clock(left)} left"


def clock(seconds: float) -> str:
    """Minutes and seconds.

    >>> clock(75.2)
    '1:15'
    """
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"


class Progress:
    """Shows one phase after the other; leaving it wipes the bar."""

    def __init__(self) -> None:
        self._bar: RichProgress | None = None
        self._task: TaskID | None = None
        self._phase = ""
        self._pace = Pace(time.monotonic())
        self._told = time.monotonic()

    def __enter__(self) -> Self:
        if sys.stderr.isatty():
            # Not needed, and a tenth of a second to import, where nobody watches.
            from rich.console import Console
            from rich.progress import BarColumn, Progress, TextColumn

            self._bar = Progress(
                TextColumn("{task.description}"),
                BarColumn(),
                TextColumn("{task.fields[pace]}"),
                console=Console(stderr=True),
                transient=True,
            )
            self._bar.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        if self._bar is not None:
            self._bar.stop()

    def show(self, phase: str, rows: int, done: int, total: int) -> None:
        """How far the phase is: `done` of `total` in any unit, and the rows that makes."""
        now = time.monotonic()
        if phase != self._phase:
            self._phase, self._pace = phase, Pace(now)
            if self._bar is not None:
                for task in self._bar.task_ids:
                    self._bar.remove_task(task)
                self._task = self._bar.add_task(phase, total=None, pace="")
        pace = self._pace.text(rows, done, total, now)
        if self._bar is not None and self._task is not None:
            self._bar.update(self._task, completed=done, total=total or None, pace=pace)
        elif self._bar is None and rows and now - self._told >= PAUSE_BETWEEN_LINES:
            self._told = now
            sys.stderr.write(f"  {phase}: {pace}\n")
