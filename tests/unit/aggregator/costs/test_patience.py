"""A bill is waited for a while; then it is read on, for whoever asks next."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
from tests.unit.aggregator.costs.made_up import OCTOBER, a_bill
from tests.unit.aggregator.held_work import HeldWork, settled

from costwire_aggregator.costs.errors import BillComing, CostsError, HandlerLate
from costwire_aggregator.costs.model import CostReport, Period
from costwire_aggregator.costs.patience import Patience

AUGUST, SEPTEMBER = Period("2026-08", "2026-09"), Period("2026-09", "2026-10")
REPORT = CostReport(a_bill(), (), {}, {}, {}, (), ())


class Making(HeldWork):
    """The making of a report, which takes until it may end."""

    async def __call__(self) -> CostReport:
        await self.until_it_may_end()
        return REPORT

    async def end(self, fault: Exception | None = None) -> None:
        """Let it end, and those who hear of it too."""
        self.fault = fault
        self.may_end.set()
        await settled()


def in_a_loop(test: Callable[[], Coroutine[Any, Any, None]]) -> None:
    async def run() -> None:
        async with asyncio.timeout(10):
            await test()

    asyncio.run(run())


async def coming(patience: Patience, period: Period, making: Making) -> BillComing:
    with pytest.raises(BillComing) as told:
        await patience.report(period, making)
    return told.value


def test_what_is_there_in_time_is_given() -> None:
    async def test() -> None:
        making = Making()
        making.may_end.set()
        assert await Patience(60).report(OCTOBER, making) is REPORT

    in_a_loop(test)


def test_what_fails_in_time_is_told() -> None:
    async def test() -> None:
        making = Making()
        await making.end(HandlerLate("late"))
        with pytest.raises(HandlerLate, match="late"):
            await Patience(60).report(OCTOBER, making)

    in_a_loop(test)


def test_bill_is_read_on_when_the_time_is_up() -> None:
    async def test() -> None:
        making = Making()
        told = await coming(Patience(0.01), OCTOBER, making)
        assert "read the bill of 2026-10: it takes more than 0.01 seconds" in str(told)
        assert told.earlier is None
        await settled()
        assert (making.begun, making.cancelled) == (1, 0)
        await making.end()

    in_a_loop(test)


def test_bill_that_is_read_on_is_not_read_on_twice() -> None:
    async def test() -> None:
        first, second, third = Making(), Making(), Making()
        patience = Patience(0.01)
        await coming(patience, OCTOBER, first)
        await coming(patience, OCTOBER, second)
        await settled()
        assert (first.cancelled, second.cancelled) == (0, 1)
        await first.end()
        await coming(patience, OCTOBER, third)
        await settled()
        assert third.cancelled == 0
        await third.end()

    in_a_loop(test)


def test_why_the_last_try_failed_is_told_once_with_the_next_wait(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def test() -> None:
        patience = Patience(0.01)
        making = Making()
        await coming(patience, OCTOBER, making)
        with caplog.at_level(logging.WARNING):
            await making.end(HandlerLate("it did not answer in time"))
        assert [record.message for record in caplog.records] == ["costs not told"]
        second, third = Making(), Making()
        assert str((await coming(patience, OCTOBER, second)).earlier) == "it did not answer in time"
        await second.end()
        assert (await coming(patience, OCTOBER, third)).earlier is None
        await third.end()

    in_a_loop(test)


def test_failure_is_forgotten_once_the_bill_is_there() -> None:
    async def test() -> None:
        patience = Patience(0.01)
        failing, sound, last = Making(), Making(), Making()
        await coming(patience, OCTOBER, failing)
        await failing.end(HandlerLate("late"))
        sound.may_end.set()
        await patience.report(OCTOBER, sound)
        assert (await coming(patience, OCTOBER, last)).earlier is None
        await last.end()

    in_a_loop(test)


def test_no_more_bills_are_read_on_than_there_is_room_for() -> None:
    async def test() -> None:
        patience = Patience(0.01, most=2)
        kept = {AUGUST: Making(), SEPTEMBER: Making()}
        for period, making in kept.items():
            await coming(patience, period, making)
        one_more = Making()
        with pytest.raises(CostsError, match="2026-08, 2026-09 are still being read") as told:
            await patience.report(OCTOBER, one_more)
        assert not isinstance(told.value, BillComing)
        await settled()
        assert one_more.cancelled == 1
        await kept[AUGUST].end()
        again = Making()
        await coming(patience, OCTOBER, again)
        await settled()
        assert again.cancelled == 0
        for making in (kept[SEPTEMBER], again):
            await making.end()

    in_a_loop(test)


def test_failures_of_no_more_months_are_kept_than_there_is_room_for() -> None:
    async def test() -> None:
        patience = Patience(0.01, most=2)
        for period in (AUGUST, SEPTEMBER, OCTOBER):
            making = Making()
            await coming(patience, period, making)
            await making.end(HandlerLate(period.month))
        told = {}
        for period in (AUGUST, SEPTEMBER, OCTOBER):
            making = Making()
            told[period.month] = (await coming(patience, period, making)).earlier
            await making.end()
        assert told["2026-08"] is None
        assert (str(told["2026-09"]), str(told["2026-10"])) == ("2026-09", "2026-10")

    in_a_loop(test)


def test_nothing_is_read_on_for_who_leaves_before_the_time_is_up() -> None:
    async def test() -> None:
        making = Making()
        asking = asyncio.ensure_future(Patience(60).report(OCTOBER, making))
        await settled()
        asking.cancel()
        await settled()
        assert (making.begun, making.cancelled) == (1, 1)

    in_a_loop(test)


def test_fault_of_the_program_is_not_hushed_up() -> None:
    async def test() -> None:
        seen: list[Any] = []
        asyncio.get_running_loop().set_exception_handler(
            lambda _, context: seen.append(context["exception"])
        )
        making = Making()
        await coming(Patience(0.01), OCTOBER, making)
        fault = ZeroDivisionError()
        await making.end(fault)
        assert seen == [fault]

    in_a_loop(test)
