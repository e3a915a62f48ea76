"""When to try again: growing pauses with full jitter, and what `Retry-After` says."""

import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime


@dataclass(frozen=True)
class Backoff:
    """Pauses between tries: random between zero and a bound that doubles up to a cap."""

    first_seconds: float = 0.2
    cap_seconds: float = 10.0
    jitter: Callable[[], float] = random.random

    def pause(self, retry: int, retry_after_seconds: float | None = None) -> float:
        """Seconds before this retry (the first is 0); never less than the server asked for."""
        bound = min(self.cap_seconds, self.first_seconds * 2.0 ** min(retry, 32))
        return max(self.jitter() * bound, retry_after_seconds or 0.0)


def retry_after_seconds(header: str | None, now: datetime) -> float | None:
    """Seconds that a `Retry-After` header asks for, in either of its forms; None if unreadable."""
    if header is None:
        return None
    if header.strip().isdecimal():
        return float(header)
    try:
        moment = parsedate_to_datetime(header)
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max(0.0, (moment - now).total_seconds())
