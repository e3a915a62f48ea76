"""The watchdog's decisions, with a clock and a measure that the test moves."""

import time

import pytest

from costwire_db_handler.stores.duckdb.watchdog import Stopped, Watchdog


class Statement:
    """Counts how often it was told to stop."""

    def __init__(self) -> None:
        self.interrupts = 0

    def interrupt(self) -> None:
        self.interrupts += 1


class World:
    """Time and memory as a test wants them."""

    now = 100.0
    held = 100

    def clock(self) -> float:
        return self.now

    def measure(self) -> int:
        return self.held


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def watchdog(world: World) -> Watchdog:
    return Watchdog(
        ceiling_bytes=1_000,
        growth_bytes=10,
        interval_seconds=3_600,
        measure=world.measure,
        clock=world.clock,
    )


def test_a_statement_within_its_time_is_left_alone(world: World, watchdog: Watchdog) -> None:
    statement = Statement()
    with watchdog.watch(statement, timeout_seconds=10) as watch:
        world.now += 9
        watchdog.look()
    assert watch.stopped is None
    assert statement.interrupts == 0


def test_a_statement_beyond_its_time_is_told_until_it_ends(
    world: World, watchdog: Watchdog
) -> None:
    statement = Statement()
    with watchdog.watch(statement, timeout_seconds=10) as watch:
        world.now += 10
        watchdog.look()
        watchdog.look()
    watchdog.look()
    assert watch.stopped is Stopped.TIME
    assert statement.interrupts >= 2


def test_the_newest_statement_goes_first_when_memory_runs_short(
    world: World, watchdog: Watchdog
) -> None:
    with watchdog.watch(Statement(), timeout_seconds=99) as old:
        world.now += 1
        with watchdog.watch(Statement(), timeout_seconds=99) as new:
            world.held = 2_000
            watchdog.look()
            assert (old.stopped, new.stopped) == (None, Stopped.MEMORY)
            watchdog.look()
            assert old.stopped is None
            world.now += 1
            watchdog.look()
            assert old.stopped is Stopped.MEMORY


def test_a_process_that_was_large_before_stops_nobody(world: World, watchdog: Watchdog) -> None:
    world.held = 2_000
    with watchdog.watch(Statement(), timeout_seconds=99) as watch:
        watchdog.look()
        assert watch.stopped is None


def test_the_thread_looks_by_itself_and_ends() -> None:
    statement = Statement()
    dog = Watchdog(interval_seconds=0.005)
    with dog.watch(statement, timeout_seconds=0.01) as watch:
        limit = time.monotonic() + 5
        while not statement.interrupts and time.monotonic() < limit:
            time.sleep(0.005)
    dog.close()
    assert watch.stopped is Stopped.TIME
    assert statement.interrupts
