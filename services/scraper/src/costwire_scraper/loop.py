"""When cycles run: once with patience, or at an interval until told to stop."""

from __future__ import annotations

import errno
import logging
import random
import threading
import time
from collections.abc import Callable

from costwire_scraper.errors import ExporterReading, ScraperError
from costwire_scraper.metrics import Metrics
from costwire_scraper.outcome import Outcome, OutcomeFile

log = logging.getLogger(__name__)

FIRST_PAUSE_SECONDS = 0.5
LONGEST_PAUSE_SECONDS = 30.0
LONGEST_ASKED_SECONDS = 86_400.0
_ANOTHER_FOLDER = "or choose another folder for temporary files (SCRAPER_SPOOL_DIR)"
_ADVICE = {
    errno.ENOSPC: f"free some room there, {_ANOTHER_FOLDER}",
    errno.EDQUOT: f"free some room there, {_ANOTHER_FOLDER}",
    errno.EROFS: f"make it writable, {_ANOTHER_FOLDER}",
    errno.EMFILE: "let the scraper open more files (ulimit -n)",
}


def pause_after(failures: int, jitter: float) -> float:
    """Seconds before the next try: doubling up to half a minute, half of it by chance.

    `jitter` lies between 0 and 1.
    """
    ceiling = min(LONGEST_PAUSE_SECONDS, FIRST_PAUSE_SECONDS * 2.0 ** min(failures - 1, 10))
    return ceiling * (0.5 + jitter / 2)


def local_trouble(error: OSError) -> str:
    """What a lack of room, rights or descriptors here is, and what to do."""
    what = error.strerror or str(error)
    where = f"{error.filename}: " if error.filename else ""
    advice = _ADVICE.get(error.errno or 0)
    return f"{where}{what}" + (f"; {advice}" if advice else "")


class Loop:
    """Runs cycles and tells how they ended: log, metrics, outcome file."""

    def __init__(
        self,
        cycle: Callable[[], Outcome],
        *,
        metrics: Metrics,
        outcome_file: OutcomeFile,
        patience_seconds: float,
        interval_seconds: float,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        """`cycle`: settles what the exporter serves, or raises a `ScraperError`."""
        self._cycle = cycle
        self._metrics = metrics
        self._outcome_file = outcome_file
        self._patience_seconds = patience_seconds
        self._interval_seconds = interval_seconds
        self._jitter = jitter
        self._stopped = threading.Event()
        self._within_cycle = threading.Lock()
        self.last: Outcome | None = None

    def stop(self) -> None:
        """End after the running cycle; a pause ends at once."""
        self._stopped.set()

    @property
    def is_within_cycle(self) -> bool:
        """Whether a cycle is running."""
        return self._within_cycle.locked()

    def run_once(self) -> Outcome:
        """Run cycles until one settles, one is refused, or patience ends.

        Patience is for trouble; a report that is being read takes its time.
        """
        patience_ends = time.monotonic() + self._patience_seconds
        failures = 0
        while True:
            outcome = self._run_cycle()
            if outcome.entry is not None or not outcome.transient:
                break
            if outcome.waiting:
                failures, patience_ends = 0, time.monotonic() + self._patience_seconds
            failures += 1
            pause = max(pause_after(failures, self._jitter()), outcome.asked_pause_seconds)
            if time.monotonic() + pause > patience_ends or self._stopped.wait(pause):
                break
        self._outcome_file.settled(outcome)
        return outcome

    def run_forever(self) -> None:
        """Run cycles at the interval until stopped; transient troubles shorten the pause."""
        failures = 0
        while not self._stopped.is_set():
            outcome = self._run_cycle()
            if not (outcome.repeated or outcome.waiting):
                self._outcome_file.settled(outcome)
            if outcome.waiting:
                failures = 0
            if outcome.entry is None and outcome.transient:
                failures += 1
                pause = min(pause_after(failures, self._jitter()), self._interval_seconds)
                pause = max(pause, min(outcome.asked_pause_seconds, LONGEST_ASKED_SECONDS))
            else:
                failures, pause = 0, self._interval_seconds
            self._stopped.wait(pause)

    def _run_cycle(self) -> Outcome:
        started = time.monotonic()
        with self._within_cycle:
            outcome = self._guarded()
        self._metrics.last_cycle_seconds.set(time.monotonic() - started)
        if outcome.waiting:
            self._metrics.cycles.labels("waited").inc()
        elif outcome.entry is None:
            self._metrics.cycles.labels("failed").inc()
            self._metrics.last_failure.set_to_current_time()
        else:
            self._metrics.cycles.labels("repeated" if outcome.repeated else "settled").inc()
            self._metrics.last_success.set_to_current_time()
        self.last = outcome
        return outcome

    def _guarded(self) -> Outcome:
        try:
            return self._cycle()
        except ExporterReading as error:
            return Outcome(error=str(error), transient=True, waiting=True)
        except ScraperError as error:
            log.warning(
                "cycle did not settle",
                extra={"reason": str(error), "transient": error.transient},
            )
            return Outcome(
                error=str(error),
                transient=error.transient,
                asked_pause_seconds=error.retry_after_seconds,
            )
        except OSError as error:  # of this machine alone: those of the wire are ScraperErrors
            told = local_trouble(error)
            log.warning("cycle did not settle", extra={"reason": told, "transient": True})
            return Outcome(error=told, transient=True)
        except Exception as error:
            log.exception("cycle broke")
            return Outcome(error=f"{type(error).__name__}: {error}")
