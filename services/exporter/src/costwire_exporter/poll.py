"""The loop that looks at the source; a failure changes nothing of what is served."""

import logging
import random
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Protocol

from costwire_exporter.errors import PublishError, Stopped
from costwire_exporter.metrics import Metrics
from costwire_exporter.shelf import Delivery
from costwire_exporter.status import Status
from costwire_runtime.clocks import utc_now
from costwire_sources.errors import SourceError
from costwire_sources.source import Reading, Source, State

_logger = logging.getLogger(__name__)
_LONGEST_DOUBLING = 20
_LONGEST_ASKED_SECONDS = 86_400.0


class Publish(Protocol):
    """From a reading to the delivery being served; None when it is the one served already."""

    def __call__(self, reading: Reading) -> Delivery | None: ...


class Poller:
    """Looks at the source now and then, in a thread of its own."""

    def __init__(
        self,
        source: Source,
        publish: Publish,
        served_state: Callable[[], str | None],
        status: Status,
        metrics: Metrics,
        *,
        confirm: Callable[[], None],
        follow: Callable[[Delivery], None],
        interval_seconds: float,
        retry_base_seconds: float,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._source = source
        self._publish = publish
        self._served_state = served_state
        self._status = status
        self._metrics = metrics
        self._confirm = confirm
        self._follow = follow
        self._interval = interval_seconds
        self._retry_base = retry_base_seconds
        self._jitter = jitter
        self._refused: tuple[State, PublishError] | None = None

    def run(self, stop: threading.Event) -> None:
        """Look until told to stop."""
        while not stop.is_set():
            pause = self.look()
            self._status.waiting(utc_now() + timedelta(seconds=pause))
            stop.wait(pause)

    def look(self) -> float:
        """Look once; the answer is how many seconds to wait until the next look."""
        self._status.polling()
        asked = 0.0
        try:
            delivery = self._poll()
        except Stopped:
            return self._interval
        except (SourceError, PublishError) as error:
            self._note_failure(error, transient=error.transient)
            if isinstance(error, SourceError):
                asked = error.retry_after_seconds or 0.0
            _logger.warning("source not delivered", extra={"reason": str(error)})
        except Exception as error:
            self._note_failure(_unexpected(error), transient=True)
            _logger.exception("source not delivered")
        else:
            self._note_success(delivery)
            return self._interval
        return max(self._pause_after_failure(), min(asked, _LONGEST_ASKED_SECONDS))

    def _poll(self) -> Delivery | None:
        """The delivery that was published, None when the source is unchanged."""
        state = self._refused[0] if self._refused else self._served_state()
        reading = self._source.poll(State(state) if state is not None else None)
        if reading is None:
            if self._refused:
                raise self._refused[1]
            if not self._status.has_succeeded:
                self._confirm()
            return None
        with reading:
            self._refused = None
            started = time.perf_counter()
            try:
                delivery = self._publish(reading)
            except PublishError as error:
                if not error.transient:  # the same bytes need not be read again
                    self._refused = reading.state, error
                raise
            if delivery is not None:
                self._metrics.render_seconds.set(time.perf_counter() - started)
            return delivery

    def _note_success(self, delivery: Delivery | None) -> None:
        self._metrics.polls.labels("published" if delivery else "unchanged").inc()
        self._metrics.last_success.set(self._status.succeeded().timestamp())
        self._metrics.consecutive_failures.set(0)
        if delivery is None:
            return
        self._metrics.describe(delivery.manifest)
        rows = delivery.manifest["rows"]
        _logger.info("delivery published", extra={"delivery": delivery.id, "rows": rows})
        try:
            self._follow(delivery)
        except Exception:
            _logger.exception("sums not worked out ahead")

    def _note_failure(self, error: Exception, *, transient: bool) -> None:
        failure = self._status.failed(error, transient=transient)
        self._metrics.polls.labels("failed").inc()
        self._metrics.last_failure.labels(failure.kind).set(failure.at.timestamp())
        self._metrics.consecutive_failures.set(self._status.consecutive_failures)

    def _pause_after_failure(self) -> float:
        doublings = min(self._status.consecutive_failures - 1, _LONGEST_DOUBLING)
        longest = min(self._interval, self._retry_base * 2.0**doublings)
        return longest * (0.5 + self._jitter() / 2)


def _unexpected(error: Exception) -> Exception:
    """What is told of a fault: the words for a full disk and the like, else no internals."""
    if isinstance(error, OSError):
        return error
    return RuntimeError("publish: an unexpected fault; the exporter's log tells more")
