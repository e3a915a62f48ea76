"""Who uses a folder's handler, so that its owner does not stop it under another command."""

from __future__ import annotations

import fcntl
import time
from pathlib import Path
from typing import IO, Self

LOCK_FILE = "handler.lock"
_LOOK_SECONDS = 0.05


class Usage:
    """A lock on the folder: shared by all commands that use its handler, and the owner's alone
    while it stops the handler."""

    def __init__(self, data: Path) -> None:
        """`data`: the folder; it is made when it is not there."""
        data.mkdir(parents=True, exist_ok=True)
        self._file: IO[bytes] = (data / LOCK_FILE).open("ab")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._file.close()

    def share(self, patience_seconds: float) -> bool:
        """Begin to use the handler; waits while its owner stops it."""
        return self._lock(fcntl.LOCK_SH, patience_seconds)

    def take_alone(self, patience_seconds: float) -> bool:
        """Wait until nobody else uses the handler; whether that came about in time."""
        return self._lock(fcntl.LOCK_EX, patience_seconds)

    def _lock(self, kind: int, patience_seconds: float) -> bool:
        deadline = time.monotonic() + patience_seconds
        while True:
            try:
                fcntl.flock(self._file, kind | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() > deadline:
                    return False
                time.sleep(_LOOK_SECONDS)
            else:
                return True
