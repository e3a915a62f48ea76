"""Signing in: what is looked at, and what is noted."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.factories import NOW

from costwire_db_handler.audit import AuditLog
from costwire_db_handler.errors import TooManyFailures
from costwire_db_handler.lockout import Free, Lockout
from costwire_db_handler.signing_in import SigningIn
from costwire_db_handler.users import Account, Caller, Role

HOME = "192.0.2.1"


class KnowsRita:
    """A store with one user."""

    def __init__(self) -> None:
        self.own = self.users = self
        self.asked = 0

    def sign_in(self, name: str, password: str) -> Caller | None:
        self.asked += 1
        return Caller("rita", Role.READER) if password == "right" else None

    def list(self) -> Any:
        return [Account("rita", Role.READER)]


class Moment:
    """A clock that a test moves."""

    now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Moment:
    return Moment()


@pytest.fixture
def audit(tmp_path: Path) -> AuditLog:
    return AuditLog(tmp_path, clock=lambda: NOW)


@pytest.fixture
def signing_in(audit: AuditLog, clock: Moment) -> SigningIn:
    store: Any = KnowsRita()
    return SigningIn(store, Lockout(Free(3, 12, 60), clock=clock), audit, clock=clock)


def test_in_a_pause_not_even_the_right_password_is_looked_at(
    signing_in: SigningIn, clock: Moment
) -> None:
    for _ in range(3):
        assert signing_in.check("rita", "wrong", HOME) is None
    with pytest.raises(TooManyFailures) as refused:
        signing_in.check("rita", "right", HOME)
    assert refused.value.headers == {"Retry-After": "1"}
    clock.now += 1
    assert signing_in.check("rita", "right", HOME) == Caller("rita", Role.READER)


def test_spellings_of_a_name_are_counted_together(signing_in: SigningIn) -> None:
    for name in ("rita", "cml0YQ==", "rita"):
        assert signing_in.check(name, "wrong", HOME) is None
    for name in ("rita", "cml0YQ=="):
        with pytest.raises(TooManyFailures):
            signing_in.check(name, "right", HOME)


def test_first_sign_in_of_an_hour_is_noted(
    signing_in: SigningIn, audit: AuditLog, clock: Moment
) -> None:
    for _ in range(10):
        signing_in.check("rita", "right", HOME)
        clock.now += 700
    signing_in.check("rita", "right", "192.0.2.2")
    assert [each["address"] for each in audit.entries()] == [HOME, HOME, "192.0.2.2"]


def test_failures_beyond_those_noted_are_told_by_their_number(
    signing_in: SigningIn, audit: AuditLog, clock: Moment
) -> None:
    for number in range(75):
        signing_in.check(f"name-{number}", "wrong", f"10.0.0.{number}")
    clock.now += 60
    signing_in.check("rita", "wrong", HOME)
    entries = list(audit.entries())
    assert len(entries) == 61
    assert (entries[-1]["by"], entries[-1]["about"]) == ("rita", {"unnoted": 15})
