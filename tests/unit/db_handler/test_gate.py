"""The gate: whoever closes it is alone, and nobody waits for ever."""

from __future__ import annotations

import threading

import pytest

from costwire_db_handler.errors import StoreBusy
from costwire_db_handler.stores.duckdb.gate import Gate


def test_closing_waits_for_those_inside() -> None:
    gate, order = Gate(wait_seconds=5.0), []
    inside, leave = threading.Event(), threading.Event()

    def visit() -> None:
        with gate.passed():
            inside.set()
            leave.wait(5.0)
            order.append("left")

    visitor = threading.Thread(target=visit)
    visitor.start()
    assert inside.wait(5.0)
    threading.Timer(0.05, leave.set).start()
    with gate.closed():
        order.append("alone")
    visitor.join(5.0)
    assert order == ["left", "alone"]


def test_newcomers_wait_until_it_opens() -> None:
    gate, order = Gate(wait_seconds=5.0), []

    def visit() -> None:
        with gate.passed():
            order.append("inside")

    visitor = threading.Thread(target=visit)
    with gate.closed():
        visitor.start()
        assert gate.is_closed
        order.append("alone")
    visitor.join(5.0)
    assert order == ["alone", "inside"]
    assert not gate.is_closed


def test_nobody_waits_for_ever() -> None:
    gate = Gate(wait_seconds=0.01)
    with gate.passed():
        with pytest.raises(StoreBusy), gate.closed():
            pass
        with gate.passed():  # it is open again
            pass
    with gate.closed():
        with pytest.raises(StoreBusy), gate.passed():
            pass
        with pytest.raises(StoreBusy), gate.closed():
            pass
    with gate.passed():
        pass
