"""Bills joined with topologies, each read and joined once however many ask."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from costwire_aggregator.costs.errors import HandlerLate
from costwire_aggregator.costs.join import join
from costwire_aggregator.costs.model import Bill, CostReport, Period
from costwire_aggregator.costs.rules import Rule, rules, tag_keys
from costwire_aggregator.shared_work import KeyedWork
from costwire_aggregator.topology.model import Topology

_AT_ONCE = 3
"""Bills that are read at the same time: each takes memory, and the handler's time."""
_BILLS = 6
_REPORTS = 4
_STALE_TIMES = 5
"""How many times as long as it is fresh a bill is used while a new one is read."""


class BillReader(Protocol):
    """What reads bills."""

    async def bill(self, period: Period, tags: Sequence[str], deadline: float) -> Bill:
        """The bill of a month; raises `CostsError`."""


@dataclass(frozen=True, slots=True)
class _Wanted:
    """A report, by what makes it."""

    snapshot: str
    period: Period
    topology: Topology = field(compare=False, repr=False)


class CostDesk:
    """What clusters cost, by period."""

    def __init__(
        self,
        reader: BillReader,
        *,
        cluster_tags: Sequence[str],
        deadline_seconds: float,
        fresh_seconds: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._reader = reader
        self._cluster_tags = tuple(cluster_tags)
        self.rules: Sequence[Rule] = rules(self._cluster_tags)
        self._deadline_seconds = deadline_seconds
        self._reading = asyncio.Semaphore(_AT_ONCE)
        self._bills = KeyedWork(
            self._bill,
            most=_BILLS,
            fresh_seconds=fresh_seconds,
            stale_seconds=_STALE_TIMES * fresh_seconds,
            clock=clock,
        )
        self._reports = KeyedWork(
            self._report,
            most=_REPORTS,
            fresh_seconds=fresh_seconds,
            stale_seconds=fresh_seconds,
            clock=clock,
        )

    async def report(self, topology: Topology, snapshot: str, period: Period) -> CostReport:
        """A topology, called by its snapshot, with the bill of a month. Raises: `CostsError`."""
        return (await self._reports.result(_Wanted(snapshot, period, topology))).result

    async def close(self) -> None:
        """Cancel what runs."""
        await self._bills.close()
        await self._reports.close()

    async def _bill(self, wanted: tuple[Period, tuple[str, ...]]) -> Bill:
        period, tags = wanted
        deadline = asyncio.get_running_loop().time() + self._deadline_seconds
        try:
            async with asyncio.timeout_at(deadline):
                await self._reading.acquire()
        except TimeoutError as error:
            raise HandlerLate(
                f"read the bill of {period.month}: {_AT_ONCE} others were being read all the "
                "time, and no more at the same time; ask again later"
            ) from error
        try:
            return await self._reader.bill(period, tags, deadline)
        finally:
            self._reading.release()

    async def _report(self, wanted: _Wanted) -> CostReport:
        tags = tuple(tag_keys(wanted.topology, self._cluster_tags))
        bill = (await self._bills.result((wanted.period, tags))).result
        return await asyncio.to_thread(join, wanted.topology, bill, self.rules)
