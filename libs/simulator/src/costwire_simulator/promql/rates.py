"""How fast a counter rises, as Prometheus 2 works it out from the samples of a range."""

from __future__ import annotations

from itertools import pairwise

from costwire_simulator.promql.samples import Samples

_NEAR = 1.1
"""A range's edge is near if it is not further off than this many times the samples' distance."""


def increase(samples: Samples, start_ms: int, end_ms: int) -> float | None:
    """How much it rose from edge to edge; None where there are less than two samples.

    Falls are resets. Beyond the outer samples it goes on to the edge where that is near, else by
    half a distance, and never below 0 at the start.
    """
    times, values = samples.times_ms, samples.values
    if len(values) < 2:
        return None
    resets = sum(before for before, after in pairwise(values) if after < before)
    rise = values[-1] - values[0] + resets
    sampled = (times[-1] - times[0]) / 1000
    distance = sampled / (len(values) - 1)
    to_start, to_end = (times[0] - start_ms) / 1000, (end_ms - times[-1]) / 1000
    if rise > 0 and values[0] >= 0:
        to_start = min(to_start, sampled * (values[0] / rise))
    covered = sampled
    for gap in (to_start, to_end):
        covered += gap if gap < distance * _NEAR else distance / 2
    return rise * (covered / sampled)
