"""The bounded queue between decoding and posting."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from costwire_scraper.errors import BrokenExposition
from costwire_scraper.transfer import Part, Transfer


def some_parts(count: int, made: list[int] | None = None) -> Iterator[Part]:
    for seq in range(count):
        if made is not None:
            made.append(seq)
        yield Part(seq, 1, b"")


def test_parts_come_in_order() -> None:
    with Transfer(lambda: some_parts(50), depth=2, stall_seconds=5) as parts:
        assert [part.seq for part in parts] == list(range(50))


def test_producer_does_not_run_ahead_of_the_queue() -> None:
    made: list[int] = []
    with Transfer(lambda: some_parts(50, made), depth=2, stall_seconds=5) as parts:
        next(parts)
        threading.Event().wait(0.3)
        assert len(made) <= 4


def test_error_of_the_producer_reaches_the_poster() -> None:
    def breaking() -> Iterator[Part]:
        yield from some_parts(1)
        raise BrokenExposition("cut")

    with Transfer(breaking, depth=2, stall_seconds=5) as parts:
        assert next(parts).seq == 0
        with pytest.raises(BrokenExposition, match="cut"):
            next(parts)


def test_error_of_the_poster_ends_the_producer() -> None:
    transfer = Transfer(lambda: some_parts(1_000), depth=1, stall_seconds=5)

    def post() -> None:
        with transfer as parts:
            next(parts)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        post()
    assert not any(thread.name == "decode" for thread in threading.enumerate())


def test_silence_is_broken_off() -> None:
    released = threading.Event()

    def silent() -> Iterator[Part]:
        released.wait(10)
        return iter(())

    with Transfer(silent, depth=1, stall_seconds=0.1) as parts:
        with pytest.raises(BrokenExposition, match=r"nothing came for 0\.1 seconds"):
            next(parts)
        released.set()
