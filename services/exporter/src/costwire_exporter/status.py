"""How the exporter stands: what it does now, and its last success and failure."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from costwire_runtime.clocks import utc_now


def instant_text(instant: datetime | None) -> str | None:
    """An instant as manifests write it, to the millisecond."""
    if instant is None:
        return None
    return instant.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


@dataclass(frozen=True)
class Failure:
    """Why the last look at the source ended without data."""

    at: datetime
    kind: str
    reason: str
    transient: bool

    def to_json(self) -> dict[str, Any]:
        """As told in /delivery."""
        return {
            "at": instant_text(self.at),
            "kind": self.kind,
            "reason": self.reason,
            "transient": self.transient,
        }


@dataclass(frozen=True)
class Progress:
    """How far the reading has come."""

    rows: int = 0
    bytes_read: int = 0
    bytes_total: int = 0

    def to_json(self) -> dict[str, int]:
        """As told in /delivery."""
        return {
            "rows": self.rows,
            "bytesRead": self.bytes_read,
            "bytesTotal": self.bytes_total,
        }


@dataclass(frozen=True)
class _Standing:
    activity: str = "starting"
    progress: Progress | None = None
    last_success: datetime | None = None
    has_succeeded: bool = False
    last_failure: Failure | None = None
    consecutive_failures: int = 0
    next_poll: datetime | None = None


class Status:
    """Written by the poller's thread, read by every request."""

    def __init__(self, source: str, clock: Callable[[], datetime] = utc_now) -> None:
        self.source = source
        self._clock = clock
        self._guard = threading.Lock()
        self._standing = _Standing()

    def restored(self, read: datetime) -> None:
        """What an earlier process published is served again; it was last confirmed at `read`."""
        self._set(last_success=read)

    def polling(self) -> None:
        """The source is being asked."""
        self._set(activity="polling", progress=None, next_poll=None)

    def reading(self, progress: Progress) -> None:
        """A report is being read, this far."""
        self._set(activity="reading", progress=progress)

    def succeeded(self) -> datetime:
        """What is served is what the source holds."""
        at = self._clock()
        self._set(last_success=at, has_succeeded=True, consecutive_failures=0)
        return at

    def failed(self, error: Exception, *, transient: bool) -> Failure:
        """The look at the source ended without data."""
        failure = Failure(self._clock(), type(error).__name__, str(error), transient)
        count = self._standing.consecutive_failures + 1
        self._set(last_failure=failure, consecutive_failures=count)
        return failure

    def waiting(self, until: datetime) -> None:
        """Nothing to do before `until`."""
        self._set(activity="waiting", progress=None, next_poll=until)

    @property
    def has_succeeded(self) -> bool:
        """Whether this process has found what the source holds."""
        return self._standing.has_succeeded

    @property
    def consecutive_failures(self) -> int:
        """Failures since the last success."""
        return self._standing.consecutive_failures

    @property
    def failure(self) -> Failure | None:
        """The last failure, if nothing has succeeded since."""
        standing = self._standing
        return standing.last_failure if standing.consecutive_failures else None

    def age_seconds(self) -> float:
        """Time since what is served was last found to be what the source holds; NaN if never."""
        last = self._standing.last_success
        return (self._clock() - last).total_seconds() if last else float("nan")

    def to_json(self) -> dict[str, Any]:
        """The member `exporter` of /delivery."""
        standing = self._standing
        return {
            "source": self.source,
            "activity": standing.activity,
            "progress": standing.progress.to_json() if standing.progress else None,
            "lastSuccess": instant_text(standing.last_success),
            "lastFailure": standing.last_failure.to_json() if standing.last_failure else None,
            "consecutiveFailures": standing.consecutive_failures,
            "nextPoll": instant_text(standing.next_poll),
            "ageSeconds": round(self.age_seconds(), 3) if standing.last_success else None,
        }

    def _set(self, **changes: Any) -> None:
        with self._guard:
            self._standing = replace(self._standing, **changes)
