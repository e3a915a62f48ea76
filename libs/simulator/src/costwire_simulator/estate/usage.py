"""What is used at a time, and had been used until then: waves with a peak every day."""

from __future__ import annotations

from math import cos, pi, sin

_DAY = 86_400.0
_TURN = 2 * pi / _DAY


def level(base: float, swing: float, phase: float, at: float) -> float:
    """Around `base`, up and down by a part of it."""
    return base * (1 + swing * sin(_TURN * at + phase))


def total(base: float, swing: float, phase: float, start: float, end: float) -> float:
    """The same, added up over a time; it never falls where `swing` is below 1."""
    if end <= start:
        return 0.0
    wave = (cos(_TURN * start + phase) - cos(_TURN * end + phase)) / _TURN
    return base * (end - start + swing * wave)
