"""What can go wrong in a cycle of the scraper, and whether trying again can help.

ScraperError
├── Transient                  another cycle may succeed
│   ├── ExporterSilent         no answer, or nothing to serve
│   ├── ExporterReading        the first report is still being read
│   ├── DeliveryReplaced       the exporter serves another delivery by now
│   ├── BrokenExposition       the answer ended before its end
│   ├── HandlerSilent          no answer from the database handler
│   └── PartsConflict          the open delivery holds parts that were cut in another way
└── Refused                    the same cycle would end in the same way
    ├── WrongExposition        what arrived is not what the manifest promises
    ├── ExporterRefused        the exporter answers no
    └── HandlerRefused         the database handler answers no
"""

from __future__ import annotations


class ScraperError(Exception):
    """A cycle that did not settle; `retry_after_seconds` is how long a server asked for peace."""

    transient = False

    def __init__(self, message: str, *, retry_after_seconds: float = 0.0) -> None:
        super().__init__(message)
        self.retry_after_seconds = retry_after_seconds


class Transient(ScraperError):
    """Another cycle may succeed."""

    transient = True


class Refused(ScraperError):
    """The same cycle would end in the same way."""


class ExporterSilent(Transient):
    """The exporter does not answer, or has nothing to serve."""


class ExporterReading(Transient):
    """The exporter still reads its first report, however long that takes."""


class DeliveryReplaced(Transient):
    """The exporter serves another delivery than the one whose manifest was read."""


class BrokenExposition(Transient):
    """The exposition ended before its end, or its compression is damaged."""


class HandlerSilent(Transient):
    """The database handler does not answer."""


class PartsConflict(Transient):
    """The handler holds parts of this delivery that differ from the ones decoded now."""


class WrongExposition(Refused):
    """What arrived is not what the manifest promises."""


class ExporterRefused(Refused):
    """The exporter answers with an error that repeating will not change."""


class HandlerRefused(Refused):
    """The database handler answers with an error that repeating will not change."""
