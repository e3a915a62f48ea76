"""Who guesses passwords is slowed down, and nobody else."""

from __future__ import annotations

import tracemalloc

import pytest

from costwire_db_handler.lockout import Free, Lockout, network_of

GUESSER, OFFICE = "192.0.2.66", "198.51.100.7"


class Moment:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Moment:
    return Moment()


@pytest.fixture
def lockout(clock: Moment) -> Lockout:
    return Lockout(Free(3, 6, 12), clock=clock)


def guess(lockout: Lockout, times: int, name: str = "ann", address: str = GUESSER) -> list[bool]:
    return [lockout.failed(name, address) for _ in range(times)]


def test_few_mistakes_have_no_consequence(lockout: Lockout) -> None:
    assert guess(lockout, 2) == [False, False]
    assert lockout.wait_seconds("ann", GUESSER) <= 0


def test_pauses_double_up_to_five_minutes(lockout: Lockout, clock: Moment) -> None:
    guess(lockout, 2)
    waits = []
    for _ in range(12):
        assert lockout.failed("ann", GUESSER)
        waits.append(lockout.wait_seconds("ann", GUESSER))
        clock.now += waits[-1]
    assert waits == [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300, 300]


def test_a_day_of_guesses_is_a_few_hundred(lockout: Lockout, clock: Moment) -> None:
    end, tried = clock.now + 86_400, 0
    while clock.now < end:
        clock.now += max(0.1, lockout.wait_seconds("ann", GUESSER))
        lockout.failed("ann", GUESSER)
        tried += 1
    assert tried < 320


def test_a_right_password_ends_the_count(lockout: Lockout) -> None:
    guess(lockout, 2)
    lockout.succeeded("ann", GUESSER)
    assert guess(lockout, 2) == [False, False]


def test_guesses_at_a_name_lock_out_nobody_who_has_signed_in(lockout: Lockout) -> None:
    lockout.succeeded("ann", OFFICE)
    for number in range(200):
        lockout.failed("ann", f"203.0.113.{number}")
    assert lockout.wait_seconds("ann", OFFICE) <= 0
    assert lockout.wait_seconds("ann", "192.0.2.1") > 0


def test_guesses_from_an_address_lock_out_nobody_there_who_has_signed_in(
    lockout: Lockout,
) -> None:
    lockout.succeeded("ann", OFFICE)
    for number in range(40):
        lockout.failed(f"name-{number}", OFFICE)
    assert lockout.wait_seconds("ann", OFFICE) <= 0
    assert lockout.wait_seconds("ben", OFFICE) > 0


def test_an_account_of_ones_own_does_not_reset_the_address(lockout: Lockout) -> None:
    for number in range(20):
        lockout.failed(f"name-{number}", GUESSER)
        lockout.succeeded("mallory", GUESSER)
    assert lockout.wait_seconds("ann", GUESSER) > 0


def test_loopback_is_nobodys_address(lockout: Lockout) -> None:
    for number in range(40):
        lockout.failed(f"name-{number}", "127.0.0.1")
    assert lockout.wait_seconds("ann", "127.0.0.1") <= 0
    guess(lockout, 3, "ann", "127.0.0.1")
    assert lockout.wait_seconds("ann", "127.0.0.1") > 0


def test_failures_are_forgotten_after_an_hour_of_quiet(lockout: Lockout, clock: Moment) -> None:
    guess(lockout, 5)
    clock.now += 3_601
    assert guess(lockout, 2) == [False, False]


def test_a_flood_of_names_and_addresses_takes_no_memory(clock: Moment) -> None:
    lockout = Lockout(most=50, clock=clock)
    for number in range(5_000):
        name, address = f"n{number}", f"10.{number % 251}.{number % 241}.1"
        lockout.failed(name, address)
        lockout.succeeded(name, address)
    assert len(lockout) <= 4 * 50


def test_long_names_take_no_memory_either(clock: Moment) -> None:
    lockout, length = Lockout(clock=clock), 20_000
    tracemalloc.start()
    try:
        for number in range(500):
            lockout.failed(f"{number}{'n' * length}", "127.0.0.1")
        kept, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert kept < 500 * length / 10


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("::ffff:192.0.2.66", "192.0.2.66"),
        ("192.0.2.66", "192.0.2.66"),
        ("::1", "::/64"),
        ("testclient", "testclient"),
    ],
)
def test_an_address_stands_for_what_its_owner_can_change(address: str, network: str) -> None:
    assert network_of(address) == network
