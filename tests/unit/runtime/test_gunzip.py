"""Gzip as a content encoding: whole, bounded, and never read twice."""

import gzip

import pytest
from hypothesis import given
from hypothesis import strategies as st

from costwire_runtime.gunzip import Damaged, gunzipped

PIECE = 64


@given(st.lists(st.binary(max_size=3 * PIECE), min_size=1, max_size=5), st.integers(1, 200))
def test_members_of_any_size_come_back_once_however_they_are_cut(
    members: list[bytes], cut: int
) -> None:
    packed = b"".join(gzip.compress(member, mtime=0) for member in members)
    chunks = [packed[at : at + cut] for at in range(0, len(packed), cut)]
    assert b"".join(gunzipped(chunks, PIECE)) == b"".join(members)


def test_members_that_end_with_a_piece_are_read_once() -> None:
    packed = gzip.compress(b"x" * PIECE, mtime=0) * 40
    pieces = list(gunzipped([packed], PIECE))
    assert pieces == [b"x" * PIECE] * 40


def test_no_body_is_no_damage() -> None:
    assert list(gunzipped([], PIECE)) == []


@given(st.binary(min_size=1, max_size=300), st.integers(0, 10**6), st.integers(1, 255))
def test_damage_is_told_or_is_in_bytes_that_say_nothing(text: bytes, at: int, flip: int) -> None:
    packed = bytearray(gzip.compress(text, mtime=0))
    packed[at % len(packed)] ^= flip
    try:
        assert b"".join(gunzipped([bytes(packed)], PIECE)) == text
    except Damaged:
        return


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"no gzip", id="no gzip"),
        pytest.param(gzip.compress(b"x" * 99)[:-1], id="early end"),
        pytest.param(b"\x1f", id="one byte"),
    ],
)
def test_what_is_no_gzip_or_ends_early_is_damaged(body: bytes) -> None:
    with pytest.raises(Damaged):
        list(gunzipped([body], PIECE))
