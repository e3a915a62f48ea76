"""What can go wrong in joining costs.

BadPeriod             the caller names no billing month
CostsError            there are no costs to be told; a topology can be told without them
├── HandlerSilent     the database handler cannot be reached, or cannot answer now
├── HandlerRefused    it answers, but not what was asked
├── HandlerLate       it did not answer in time
├── BillComing        nobody waits for it any longer, but it is being read
├── BillTooLarge      the bill has more than there is room for here
└── BillUnsound       the parts of its answer do not add up to its totals
"""

from __future__ import annotations


class BadPeriod(Exception):
    """What was given is no billing month."""


class CostsError(Exception):
    """There are no costs to be told; the text says why, and what to do."""


class HandlerSilent(CostsError):
    """The database handler cannot be reached, or cannot answer now."""


class HandlerRefused(CostsError):
    """It answers, but not what was asked."""


class HandlerLate(CostsError):
    """It did not answer in time."""


class BillComing(CostsError):
    """Nobody waits for it any longer, but it is being read."""

    def __init__(self, message: str, earlier: CostsError | None = None) -> None:
        """`earlier`: what came of the last try, where that failed after its time was up."""
        super().__init__(message)
        self.earlier = earlier


class BillTooLarge(CostsError):
    """The bill has more than there is room for here."""


class BillUnsound(CostsError):
    """The parts of its answer do not add up to its totals."""
