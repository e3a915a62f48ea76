"""Bills are read, and joined with topologies, once however many ask."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from decimal import Decimal
from typing import Any

import pytest
from tests.unit.aggregator.costs.made_up import (
    OCTOBER,
    a_bill,
    a_cluster,
    a_node,
    a_resource,
    a_topology,
)
from tests.unit.aggregator.held_work import HeldWork, settled

from costwire_aggregator.costs import desk as module
from costwire_aggregator.costs.amounts import billed_cost
from costwire_aggregator.costs.desk import CostDesk
from costwire_aggregator.costs.errors import HandlerLate, HandlerSilent
from costwire_aggregator.costs.model import Bill, CostReport, Period

MACHINE = "i-0123456789abcdef0"
TOPOLOGY = a_topology(a_cluster("north", a_node("n1", f"aws:///eu-1a/{MACHINE}")))
SEPTEMBER = Period("2026-09", "2026-10")
FRESH = 60.0


class Bills(HeldWork):
    """Reads a bill when it may, and says what it was asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[tuple[str, tuple[str, ...]]] = []
        self.deadlines: list[float] = []
        self.cost = "1"
        self.may_end.set()

    async def bill(self, period: Period, tags: Sequence[str], deadline: float) -> Bill:
        """One with one machine."""
        self.asked.append((period.month, tuple(tags)))
        self.deadlines.append(deadline - asyncio.get_running_loop().time())
        await self.until_it_may_end()
        return a_bill(a_resource(MACHINE, self.cost))


def in_a_loop(test: Callable[[Bills], Coroutine[Any, Any, None]]) -> None:
    async def run() -> None:
        async with asyncio.timeout(10):
            await test(Bills())

    asyncio.run(run())


def a_desk(
    bills: Bills, *, fresh_seconds: float = FRESH, tags: Sequence[str] = (), **more: Any
) -> CostDesk:
    told = {"deadline_seconds": 30, **more}
    return CostDesk(bills, cluster_tags=tags, fresh_seconds=fresh_seconds, **told)


def cost(report: CostReport) -> Decimal:
    return billed_cost(report.matched)["USD"]


def test_bill_is_joined_with_the_topology() -> None:
    async def test(bills: Bills) -> None:
        report = await a_desk(bills).report(TOPOLOGY, "1", OCTOBER)
        assert (cost(report), report.clusters[0].key) == (Decimal(1), "north")

    in_a_loop(test)


def test_all_who_ask_at_once_share_one_report() -> None:
    async def test(bills: Bills) -> None:
        bills.may_end.clear()
        desk = a_desk(bills)
        asking = [asyncio.ensure_future(desk.report(TOPOLOGY, "1", OCTOBER)) for _ in range(20)]
        await settled()
        bills.may_end.set()
        first, *others = await asyncio.gather(*asking)
        assert all(other is first for other in others)
        assert len(bills.asked) == 1

    in_a_loop(test)


def test_topologies_that_follow_one_another_share_a_bill() -> None:
    async def test(bills: Bills) -> None:
        desk = a_desk(bills)
        for snapshot in "12345":
            await desk.report(TOPOLOGY, snapshot, OCTOBER)
        assert len(bills.asked) == 1

    in_a_loop(test)


def test_another_topology_is_not_told_by_the_report_of_the_one_before() -> None:
    async def test(bills: Bills) -> None:
        desk = a_desk(bills)
        await desk.report(TOPOLOGY, "1", OCTOBER)
        report = await desk.report(a_topology(a_cluster("south")), "2", OCTOBER)
        assert [cluster.key for cluster in report.clusters] == ["south"]
        assert report.matched == {}

    in_a_loop(test)


def test_each_month_has_a_bill_of_its_own() -> None:
    async def test(bills: Bills) -> None:
        desk = a_desk(bills)
        for period in (OCTOBER, SEPTEMBER, OCTOBER):
            await desk.report(TOPOLOGY, "1", period)
        assert [month for month, _ in bills.asked] == ["2026-10", "2026-09"]

    in_a_loop(test)


def test_bill_is_read_anew_once_clusters_want_other_tags() -> None:
    async def test(bills: Bills) -> None:
        desk = a_desk(bills, tags=["team", "kubernetes.io/cluster/*"])
        await desk.report(TOPOLOGY, "1", OCTOBER)
        await desk.report(a_topology(a_cluster("north"), a_cluster("south")), "2", OCTOBER)
        (_, before), (_, after) = bills.asked
        assert {*after} - {*before} == {"kubernetes.io/cluster/south"}
        assert "team" in before

    in_a_loop(test)


def test_no_more_reports_are_kept_than_are_asked_for_by_turns() -> None:
    async def test(bills: Bills) -> None:
        desk = a_desk(bills)
        snapshots = [f"{number}" for number in range(module._REPORTS + 1)]
        first, *_, last = [await desk.report(TOPOLOGY, key, OCTOBER) for key in snapshots]
        assert await desk.report(TOPOLOGY, snapshots[-1], OCTOBER) is last
        assert await desk.report(TOPOLOGY, snapshots[0], OCTOBER) is not first

    in_a_loop(test)


def test_bills_are_not_kept_for_ever() -> None:
    async def test(bills: Bills) -> None:
        desk = a_desk(bills)
        months = [Period(f"2026-{number:02d}", "") for number in range(1, module._BILLS + 2)]
        for period in months:
            await desk.report(TOPOLOGY, "1", period)
        await desk.report(TOPOLOGY, "2", months[-1])
        assert len(bills.asked) == len(months)
        await desk.report(TOPOLOGY, "2", months[0])
        assert len(bills.asked) == len(months) + 1

    in_a_loop(test)


def test_old_bill_is_used_while_a_new_one_is_read_and_an_older_one_is_waited_for() -> None:
    time = 0.0

    async def test(bills: Bills) -> None:
        nonlocal time
        desk = a_desk(bills, clock=lambda: time)
        assert cost(await desk.report(TOPOLOGY, "1", OCTOBER)) == 1
        bills.cost = "2"
        time += FRESH + 1
        assert cost(await desk.report(TOPOLOGY, "2", OCTOBER)) == 1
        await settled()
        assert cost(await desk.report(TOPOLOGY, "3", OCTOBER)) == 2
        bills.cost = "3"
        time += module._STALE_TIMES * FRESH
        assert cost(await desk.report(TOPOLOGY, "4", OCTOBER)) == 3

    in_a_loop(test)


def test_report_is_not_older_than_a_bill_is_fresh() -> None:
    async def test(bills: Bills) -> None:
        desk = a_desk(bills, fresh_seconds=0)
        assert cost(await desk.report(TOPOLOGY, "1", OCTOBER)) == 1
        bills.cost = "2"
        assert cost(await desk.report(TOPOLOGY, "1", OCTOBER)) == 2

    in_a_loop(test)


def test_reader_is_given_the_whole_time_from_when_it_begins() -> None:
    async def test(bills: Bills) -> None:
        loop = asyncio.get_running_loop()
        now = loop.time()
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(loop, "time", lambda: now)
            desk = a_desk(bills, fresh_seconds=0)
            await desk.report(TOPOLOGY, "1", OCTOBER)
            now += 5
            await desk.report(TOPOLOGY, "2", OCTOBER)
        assert bills.deadlines == pytest.approx([30, 30])

    in_a_loop(test)


def test_all_who_wait_are_told_of_a_failure_and_the_next_one_asks_anew() -> None:
    async def test(bills: Bills) -> None:
        bills.may_end.clear()
        bills.fault = HandlerSilent("connection refused")
        desk = a_desk(bills)
        asking = [asyncio.ensure_future(desk.report(TOPOLOGY, "1", OCTOBER)) for _ in range(3)]
        await settled()
        bills.may_end.set()
        told = await asyncio.gather(*asking, return_exceptions=True)
        assert [str(one) for one in told] == ["connection refused"] * 3
        bills.fault = None
        assert cost(await desk.report(TOPOLOGY, "1", OCTOBER)) == 1
        assert len(bills.asked) == 2

    in_a_loop(test)


def test_failure_of_one_month_is_none_of_another() -> None:
    async def test(bills: Bills) -> None:
        desk = a_desk(bills)
        bills.fault = HandlerSilent("connection refused")
        with pytest.raises(HandlerSilent):
            await desk.report(TOPOLOGY, "1", SEPTEMBER)
        bills.fault = None
        assert cost(await desk.report(TOPOLOGY, "1", OCTOBER)) == 1

    in_a_loop(test)


def test_three_bills_are_read_at_the_same_time_and_others_wait_for_their_turn() -> None:
    async def test(bills: Bills) -> None:
        bills.may_end.clear()
        desk = a_desk(bills)
        months = [Period(f"2026-0{month}", f"2026-0{month + 1}") for month in range(1, 9)]
        waiting = [asyncio.ensure_future(desk.report(TOPOLOGY, "1", month)) for month in months]
        await settled()
        assert len(bills.asked) == 3
        bills.may_end.set()
        assert [(await one).bill.period for one in waiting] == [OCTOBER] * len(months)
        assert len(bills.asked) == len(months)

    in_a_loop(test)


def test_bill_whose_turn_does_not_come_in_time_is_late() -> None:
    async def test(bills: Bills) -> None:
        bills.may_end.clear()
        desk = a_desk(bills, deadline_seconds=0.05)
        months = [Period(f"2026-0{month}", f"2026-0{month + 1}") for month in range(1, 5)]
        *reading, late = (asyncio.ensure_future(desk.report(TOPOLOGY, "1", one)) for one in months)
        with pytest.raises(HandlerLate, match="read the bill of 2026-04: 3 others"):
            await late
        bills.may_end.set()
        await asyncio.gather(*reading)
        await desk.report(TOPOLOGY, "1", months[-1])

    in_a_loop(test)


def test_reading_ends_when_the_last_one_leaves() -> None:
    async def test(bills: Bills) -> None:
        bills.may_end.clear()
        desk = a_desk(bills)
        one, other = (asyncio.ensure_future(desk.report(TOPOLOGY, key, OCTOBER)) for key in "12")
        await settled()
        assert len(bills.asked) == 1
        one.cancel()
        await settled()
        assert bills.cancelled == 0
        other.cancel()
        await settled()
        assert bills.cancelled == 1

    in_a_loop(test)


def test_closing_ends_what_is_being_read_and_whoever_waits() -> None:
    async def test(bills: Bills) -> None:
        bills.may_end.clear()
        desk = a_desk(bills)
        waiting = asyncio.ensure_future(desk.report(TOPOLOGY, "1", OCTOBER))
        await settled()
        await desk.close()
        await settled()
        assert (bills.cancelled, waiting.cancelled()) == (1, True)
        assert {task for task in asyncio.all_tasks() if task is not asyncio.current_task()} == set()

    in_a_loop(test)


def test_closing_ends_what_is_being_read_for_nobody() -> None:
    time = 0.0

    async def test(bills: Bills) -> None:
        nonlocal time
        desk = a_desk(bills, clock=lambda: time)
        await desk.report(TOPOLOGY, "1", OCTOBER)
        bills.may_end.clear()
        time += FRESH
        await desk.report(TOPOLOGY, "2", OCTOBER)  # with the bill that is there
        await settled()
        await desk.close()
        assert (len(bills.asked), bills.cancelled) == (2, 1)

    in_a_loop(test)


def test_closing_breaks_off_nothing_where_nothing_runs() -> None:
    async def test(bills: Bills) -> None:
        desk = a_desk(bills)
        await desk.close()
        report = await desk.report(TOPOLOGY, "1", OCTOBER)
        await desk.close()
        assert (cost(report), len(bills.asked), bills.cancelled) == (Decimal(1), 1, 0)

    in_a_loop(test)
