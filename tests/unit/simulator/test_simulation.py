"""An estate at work."""

from __future__ import annotations

import threading

import pytest
from tests.support.waiting import until
from tests.unit.simulator.asking import NOW

from costwire_simulator.estate.making import Size, make_estate
from costwire_simulator.simulation import ALL, Simulation, Which

ESTATE = make_estate(Size(2, 1, 3, 1))


@pytest.mark.parametrize(
    ("which", "names"), [("each", ["atlas", "borealis"]), ("one", [ALL]), ("none", [])]
)
def test_upstreams_are_those_asked_for(which: Which, names: list[str]) -> None:
    assert [*Simulation(ESTATE, upstreams=which).upstreams] == names


@pytest.mark.parametrize("pinned", [False, True])
def test_rates_are_right_from_the_start(pinned: bool) -> None:
    simulation = Simulation(ESTATE, upstreams="one", pinned=pinned, clock=lambda: NOW)
    assert simulation.why_not_ready()
    simulation.start()
    assert simulation.why_not_ready() is None
    query = "sum(rate(node_cpu_seconds_total[5m])) / count(node_cpu_seconds_total{mode='idle'})"
    body = simulation.upstreams[ALL].answer(query, NOW).body
    assert float(body.rpartition(b'"')[0].rpartition(b'"')[2]) == pytest.approx(1, rel=0.01)


def test_it_scrapes_as_time_goes_until_told_to_stop() -> None:
    times = iter([NOW, NOW + 1, NOW, NOW + 2])
    stopping, seen = threading.Event(), threading.Event()

    def clock() -> float:
        try:
            return next(times)
        except StopIteration:
            seen.set()
            return NOW + 3

    simulation = Simulation(ESTATE, upstreams="one", interval_seconds=1.0, clock=clock)
    simulation._interval = 0.01
    running = threading.Thread(target=simulation.run, args=(stopping,))
    running.start()
    try:
        until("time has gone on", seen.is_set)
    finally:
        stopping.set()
        running.join(10)
    assert b'"1760000002"' in simulation.upstreams[ALL].answer("max(timestamp(up))", NOW + 2).body
