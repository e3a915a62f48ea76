"""What ends a command early: a sentence for people, and the exit status it ends with."""

from __future__ import annotations

SETTLED = 0
FAILED = 1
WRONG_USE = 2
QUARANTINED = 3
INCOMPLETE = 3
HELD = 4
DIFFERENT = 5
INTERRUPTED = 130


class CommandError(Exception):
    """The command cannot go on; the message says what happened and what to do."""

    def __init__(self, message: str, *, status: int = FAILED) -> None:
        """`status`: the exit status that the command ends with."""
        super().__init__(message)
        self.status = status


def worst(statuses: list[int]) -> int:
    """One exit status for several deliveries: failed before held before quarantined rows."""
    order = (FAILED, HELD, QUARANTINED)
    return next((status for status in order if status in statuses), SETTLED)
