"""Cycles are searched for again after the work, however it ends."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest

from costwire_runtime.memory import no_collecting


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    yield
    gc.enable()


def test_nothing_is_collected_meanwhile_and_all_is_as_before_after() -> None:
    with no_collecting():
        assert not gc.isenabled()
    assert gc.isenabled()


def test_fault_leaves_it_as_before() -> None:
    with pytest.raises(OSError, match="broken"), no_collecting():
        raise OSError("broken")
    assert gc.isenabled()


def test_whoever_ends_first_of_two_ends_it_and_the_last_leaves_it_so() -> None:
    first, second = no_collecting(), no_collecting()
    first.__enter__()
    second.__enter__()
    first.__exit__(None, None, None)
    assert gc.isenabled()
    second.__exit__(None, None, None)
    assert gc.isenabled()


def test_process_that_collects_nothing_goes_on_so() -> None:
    gc.disable()
    with no_collecting():
        pass
    assert not gc.isenabled()
