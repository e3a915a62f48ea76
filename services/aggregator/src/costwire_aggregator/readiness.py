"""Whether an upstream answers: what is asked for anyway tells it, else all of them are asked."""

from __future__ import annotations

import asyncio
import logging
import math
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence

from costwire_aggregator.asking import answers, reasons
from costwire_aggregator.shared_work import SharedWork
from costwire_aggregator.upstreams.outcomes import Outcome, State, Told

_HOLDS_SECONDS = 10.0
_logger = logging.getLogger(__name__)


class Readiness:
    """Of one event loop; what it tells names nobody, as anyone may ask."""

    def __init__(
        self,
        ask: Callable[[], Awaitable[Sequence[Told]]],
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`ask`: asks all upstreams, and has a deadline."""
        self._asking = SharedWork(
            ask, fresh_seconds=_HOLDS_SECONDS, stale_seconds=_HOLDS_SECONDS, clock=clock
        )
        self._clock = clock
        self._answered = asyncio.Event()
        self._answered_at = -math.inf
        self._why_not: str | None = None

    def on_outcome(self, upstream: str, outcome: Outcome) -> None:
        """Is told what became of each question, whoever asked it."""
        if outcome.state in (State.ANSWERED, State.PARTIAL):
            self._answered_at = self._clock()
            self._answered.set()

    async def why_not(self) -> str | None:
        """How many upstreams are silent, and how; None as soon as one answers."""
        if self._clock() - self._answered_at >= _HOLDS_SECONDS:
            self._answered.clear()
            told = await self._asked()
            if told is not None and not any(map(answers, told)):
                return self._not_ready(told)
        if self._why_not is not None:
            self._why_not = None
            _logger.info("an upstream answers again")
        return None

    async def close(self) -> None:
        """Cancel what runs."""
        await self._asking.close()

    async def _asked(self) -> Sequence[Told] | None:
        """What became of asking; None where one answered before all had."""
        asking = asyncio.ensure_future(self._asking.result())
        answered = asyncio.ensure_future(self._answered.wait())
        try:
            await asyncio.wait((asking, answered), return_when=asyncio.FIRST_COMPLETED)
            return None if answered.done() else asking.result().result
        finally:
            answered.cancel()  # asking ends by itself: breaking it off would cost connections

    def _not_ready(self, told: Sequence[Told]) -> str:
        states = Counter(outcome.state for one in told for outcome in one.outcomes)
        counts = ", ".join(f"{count} {state}" for state, count in sorted(states.items()))
        why_not = f"no upstream answers: {counts}; the log names them"
        if why_not != self._why_not:
            self._why_not = why_not
            _logger.warning("no upstream answers", extra={"reason": reasons(told)})
        return why_not
