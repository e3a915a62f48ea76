"""Waiting for what another process does, never without an end."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

_LOOK_SECONDS = 0.05
T = TypeVar("T")


def until(what: str, look: Callable[[], T | None], seconds: float = 30.0) -> T:
    """What `look` gives as soon as that is true; fails the test when it stays false."""
    deadline = time.monotonic() + seconds
    while not (found := look()):
        assert time.monotonic() < deadline, f"{what}: not within {seconds:g} seconds"
        time.sleep(_LOOK_SECONDS)
    return found
