"""An estate at work: its exporters, and the upstreams that scrape them as time goes."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Mapping
from threading import Event
from typing import Literal

from costwire_simulator.estate.model import Estate
from costwire_simulator.exporters.targets import cluster_targets, targets_of
from costwire_simulator.targets import Target
from costwire_simulator.upstream.upstream import Upstream

Which = Literal["each", "one", "none"]
"""An upstream for each cluster, one for all of them, or none."""
ALL = "all"
"""What the one for all is called."""
_logger = logging.getLogger(__name__)
_RANGE_SECONDS = 300.0
"""Of the longest rate that anybody asks for."""
_CACHE_BYTES, _PINNED_CACHE_BYTES = 512 << 20, 4 << 30
"""Of answers; what is pinned is asked the same all the time, and takes no time for that."""
_PINNED_SECONDS = 290.0
"""From the first to the second and last scrape of what is pinned."""


class Simulation:
    """Exporters and upstreams of an estate."""

    def __init__(
        self,
        estate: Estate,
        *,
        upstreams: Which = "each",
        interval_seconds: float = 15.0,
        pinned: bool = False,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """`pinned`: upstreams scrape no more after their start, and time stands still for them."""
        self.clock = clock
        self.targets = {target.path: target for target in targets_of(estate)}
        self._interval = interval_seconds
        self._pinned = pinned
        self._has_started = False
        self._in_range = math.ceil(_RANGE_SECONDS / interval_seconds) + 1
        self.upstreams: Mapping[str, Upstream] = {
            name: Upstream(
                targets,
                keep=self._in_range + 1,
                pinned=pinned,
                cache_bytes=_PINNED_CACHE_BYTES if pinned else _CACHE_BYTES,
            )
            for name, targets in _scraped(estate, upstreams).items()
        }

    def why_not_ready(self) -> str | None:
        """What is still missing."""
        return None if self._has_started else "the upstreams have not scraped everything yet"

    def start(self) -> None:
        """Scrape what would have been scraped by now, so that rates are right at once."""
        now = self.clock()
        for upstream in self.upstreams.values():
            if self._pinned:
                upstream.catch_up(now, _PINNED_SECONDS, 2)
            else:
                upstream.catch_up(now, self._interval, self._in_range)
        self._has_started = True

    def run(self, stopping: Event) -> None:
        """Start, then scrape until told to stop; a scrape that takes long delays the next one."""
        self.start()
        while not self._pinned and not stopping.wait(self._interval):
            now = self.clock()
            for name, upstream in self.upstreams.items():
                try:
                    upstream.scrape(now)
                except ValueError as error:  # the clock has been set back
                    _logger.warning("not scraped", extra={"upstream": name, "reason": str(error)})


def _scraped(estate: Estate, upstreams: Which) -> Mapping[str, list[Target]]:
    if upstreams == "each":
        return {cluster.name: [*cluster_targets(cluster)] for cluster in estate.clusters}
    return {ALL: targets_of(estate)} if upstreams == "one" else {}
