"""Bills that are waited for a while; after that they are read on, for whoever asks next."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from functools import partial

from costwire_aggregator.costs.errors import BillComing, CostsError, HandlerLate
from costwire_aggregator.costs.model import CostReport, Period

_MOST = 3
_logger = logging.getLogger(__name__)


class Patience:
    """How long is waited, and what is read on."""

    def __init__(self, seconds: float, *, most: int = _MOST) -> None:
        """`most`: bills that are read on at the same time."""
        self._seconds = seconds
        self._most = most
        self._running: dict[Period, asyncio.Future[CostReport]] = {}
        self._failed: dict[Period, CostsError] = {}

    async def report(self, period: Period, work: Callable[[], Awaitable[CostReport]]) -> CostReport:
        """What the work gives, where it does so in time.

        Raises: `CostsError`, of which `BillComing` tells that the bill is being read on.
        """
        making = asyncio.ensure_future(work())
        try:
            await asyncio.wait({making}, timeout=self._seconds)
            if not making.done():
                self._read_on(period, making)
                raise BillComing(
                    f"read the bill of {period.month}: it takes more than {self._seconds:g} "
                    "seconds; it is read on, ask again",
                    self._failed.pop(period, None),
                )
            self._failed.pop(period, None)
            return making.result()
        finally:
            if self._running.get(period) is not making:
                making.cancel()

    def _read_on(self, period: Period, making: asyncio.Future[CostReport]) -> None:
        """By what makes it already, if there is such a one. Raises: `HandlerLate`."""
        if period in self._running:
            return
        if len(self._running) >= self._most:
            months = ", ".join(sorted(one.month for one in self._running))
            raise HandlerLate(
                f"read the bill of {period.month}: those of {months} are still being read, and "
                "no more at the same time; ask again later"
            )
        self._running[period] = making
        making.add_done_callback(partial(self._ended, period))

    def _ended(self, period: Period, making: asyncio.Future[CostReport]) -> None:
        del self._running[period]
        error = None if making.cancelled() else making.exception()
        if isinstance(error, CostsError):
            _logger.warning("costs not told", extra={"reason": str(error)})
            self._failed[period] = error
            if len(self._failed) > self._most:
                del self._failed[next(iter(self._failed))]
        elif error is not None:
            raise error
