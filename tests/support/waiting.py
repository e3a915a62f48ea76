"""Waiting for what another process does, never without an end."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

_FIRST_PAUSE, _LONGEST_PAUSE = 0.02, 0.25
_OF_WAITED = 0.1
"""Pauses grow with what was waited: looking takes time from what is waited for."""
T = TypeVar("T")


def until(what: str, look: Callable[[], T | None], seconds: float = 30.0) -> T:
    """What `look` gives as soon as that is true; fails the test when it stays false."""
    began = time.monotonic()
    while not (found := look()):
        waited = time.monotonic() - began
        assert waited < seconds, f"{what}: not within {seconds:g} seconds"
        time.sleep(min(max(_FIRST_PAUSE, waited * _OF_WAITED), _LONGEST_PAUSE))
    return found
