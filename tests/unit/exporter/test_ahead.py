"""Reading ahead changes neither the items nor the errors."""

import gc
import threading
import weakref
from collections.abc import Iterator

import pytest

from costwire_exporter.ahead import read_ahead


def test_items_come_in_their_order() -> None:
    with read_ahead(range(100)) as items:
        assert list(items) == list(range(100))


def test_error_comes_after_the_items_before_it() -> None:
    def broken() -> Iterator[int]:
        yield 1
        raise ValueError("broken")

    with read_ahead(broken()) as items:
        assert next(items) == 1
        with pytest.raises(ValueError, match="broken"):
            next(items)


def test_error_keeps_nothing_of_what_was_read_once_it_was_minded() -> None:
    class Large:
        pass

    large = Large()
    kept = weakref.ref(large)

    def broken(held: Large) -> Iterator[int]:
        yield id(held)
        raise ValueError("broken")

    gc.disable()
    try:
        try:
            with read_ahead(broken(large)) as items:
                del large
                list(items)
        except ValueError:
            pass
        assert kept() is None
    finally:
        gc.enable()


def test_next_item_is_made_while_the_last_is_used() -> None:
    made = threading.Event()

    def two() -> Iterator[int]:
        yield 1
        made.set()
        yield 2

    with read_ahead(two()) as items:
        next(items)
        assert made.wait(10)


def test_leaving_early_ends_the_thread() -> None:
    before = threading.active_count()

    def endless() -> Iterator[int]:
        while True:
            yield 0

    with read_ahead(endless()) as items:
        next(items)
    assert threading.active_count() == before
