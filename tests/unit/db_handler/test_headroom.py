"""The limit on growth: on while statements of users run, off while a delivery is written."""

import sys
from collections.abc import Iterator
from unittest.mock import Mock

import pytest

from costwire_db_handler.stores.duckdb import headroom as headroom_module
from costwire_db_handler.stores.duckdb.headroom import Headroom
from costwire_db_handler.stores.duckdb.watchdog import MIB

resource = pytest.importorskip("resource")

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux limits data memory")


def limit() -> int:
    return int(resource.getrlimit(resource.RLIMIT_DATA)[0])


@pytest.fixture(autouse=True)
def unlimited_before_and_after() -> Iterator[None]:
    before = resource.getrlimit(resource.RLIMIT_DATA)
    yield
    assert resource.getrlimit(resource.RLIMIT_DATA) == before


def test_the_limit_ends_with_the_last_statement() -> None:
    headroom = Headroom()
    before = limit()
    with headroom.bounded():
        first = limit()
        assert first != before
        with headroom.bounded():
            assert limit() >= first
        assert limit() >= first
    assert limit() == before


def test_trouble_with_the_limit_is_no_trouble_of_the_statement(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    headroom, before = Headroom(), limit()
    with monkeypatch.context() as patch:
        patch.setattr(headroom_module, "_used_bytes", Mock(side_effect=OSError("no descriptor")))
        with headroom.bounded():
            assert limit() == before
    with headroom.bounded():
        assert limit() != before
    assert limit() == before


def test_a_huge_allocation_fails_at_once_and_the_next_small_one_works() -> None:
    with Headroom(allowance_bytes=64 * MIB).bounded():
        with pytest.raises(MemoryError):
            bytearray(2048 * MIB)
        assert len(bytearray(MIB)) == MIB


def test_a_delivery_has_no_limit_whatever_else_runs() -> None:
    headroom = Headroom(allowance_bytes=64 * MIB)
    before = limit()
    with headroom.bounded():
        bounded = limit()
        with headroom.unbounded():
            assert limit() == before
            with headroom.bounded():
                assert limit() == before
            assert len(bytearray(256 * MIB)) == 256 * MIB
        assert limit() != before
        assert limit() <= bounded + 64 * MIB
    with headroom.unbounded():
        assert limit() == before
