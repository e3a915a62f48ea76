"""What documents leave out: series that cannot be used, or that tell of nothing that is known."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable

from costwire_aggregator.icos.values import LeftOut

_MOST_NAMED = 10
_LEAST_PAUSE_SECONDS = 60.0
"""Between two lines about one face."""
_logger = logging.getLogger(__name__)


def left_out_text(left_out: LeftOut) -> str:
    """The metrics that most is left out of, how many series of each, and why; empty for none."""
    found = sorted(left_out.items(), key=lambda pair: (-pair[1], pair[0]))
    named = [f"{family} ({count}: {reason})" for (family, reason), count in found[:_MOST_NAMED]]
    more = len(found) - _MOST_NAMED
    return "; ".join([*named, *([f"and {more} more"] if more > 0 else [])])


class LeftOutLog:
    """A line where something else is left out than before; that it is more or less is no line."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._told: dict[str, tuple[frozenset[tuple[str, str]], float]] = {}
        """By face what was logged last, and when."""

    def on_fold(self, face: str, left_out: LeftOut) -> None:
        """`face`: whose document it is."""
        now, found = self._clock(), frozenset(left_out)
        told, at = self._told.get(face, (frozenset(), -math.inf))
        if found != told and now - at >= _LEAST_PAUSE_SECONDS:
            self._told[face] = found, now
            fields = {"face": face, "series": left_out.total(), "which": left_out_text(left_out)}
            _logger.info("series left out", extra=fields)
