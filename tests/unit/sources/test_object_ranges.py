"""A remote object as a stream: the same bytes as a file, one block at a time."""

from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from costwire_sources.errors import SourceChanged
from costwire_sources.objects.ranges import LONGEST_BYTES, RangeStream

CONTENT = bytes(range(251)) * 5_000


class Remote:
    """Bytes that are asked for by ranges, and what was asked."""

    def __init__(self, content: bytes) -> None:
        self.content = content
        self.asked: list[tuple[int, int]] = []

    def fetch(self, start: int, end: int) -> memoryview:
        assert 0 <= start < end <= len(self.content)
        self.asked.append((start, end))
        return memoryview(self.content)[start:end]

    def stream(self) -> io.BufferedReader:
        return io.BufferedReader(RangeStream(self.fetch, len(self.content)), 1 << 16)


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("read"), st.integers(-1, 600_000)),
        st.tuples(st.just("to"), st.integers(0, len(CONTENT) + 10)),
        st.tuples(st.just("back"), st.integers(0, len(CONTENT))),
    ),
    max_size=12,
)


@given(STEPS)
def test_it_reads_as_a_file_does(steps: list[tuple[str, int]]) -> None:
    stream, file = Remote(CONTENT).stream(), io.BytesIO(CONTENT)
    for what, number in steps:
        for each in (stream, file):
            if what == "to":
                each.seek(number)
            elif what == "back":
                each.seek(-number, io.SEEK_END)
        if what == "read":
            assert stream.read(number) == file.read(number)
        assert stream.tell() == file.tell()


def test_scan_asks_for_growing_ranges_without_gaps_up_to_a_bound() -> None:
    remote = Remote(bytes(32 << 20))
    with remote.stream() as stream:
        while stream.read(1 << 16):
            pass
    lengths = [end - start for start, end in remote.asked]
    assert lengths[:5] == [256 << 10, 512 << 10, 1 << 20, 2 << 20, 4 << 20]
    assert max(lengths) == LONGEST_BYTES
    assert [start for start, _ in remote.asked[1:]] == [end for _, end in remote.asked[:-1]]


def test_large_read_is_asked_in_bounded_ranges() -> None:
    remote = Remote(bytes(20 << 20))
    assert len(remote.stream().read()) == 20 << 20
    assert max(end - start for start, end in remote.asked) == LONGEST_BYTES


def test_look_at_the_end_fetches_little() -> None:
    remote = Remote(bytes(32 << 20))
    stream = remote.stream()
    stream.seek(-8, io.SEEK_END)
    assert stream.read() == bytes(8)
    assert remote.asked == [((32 << 20) - 8, 32 << 20)]


def test_what_a_range_raises_comes_through_the_buffer() -> None:
    def fetch(start: int, end: int) -> memoryview:
        raise SourceChanged("changed")

    with pytest.raises(SourceChanged):
        io.BufferedReader(RangeStream(fetch, 10)).read(1)


def test_seek_before_the_start_is_refused() -> None:
    with pytest.raises(ValueError, match="before the start"):
        RangeStream(Remote(b"abc").fetch, 3).seek(-4, io.SEEK_END)
