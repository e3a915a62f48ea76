"""Undoing content encodings, in bounded pieces."""

from __future__ import annotations

import gzip
import random

import pytest
import zstandard

from costwire_scraper.decompress import PIECE_BYTES, bounded, decoded
from costwire_scraper.errors import BrokenExposition, ExporterRefused

TEXT = random.Random(1).randbytes(3_000_000) + b"\n" * 5_000_000  # noqa: S311 (test data)
FRAMES = {
    "zstd": lambda text: zstandard.compress(text[:1_000]) + zstandard.compress(text[1_000:]),
    "gzip": lambda text: gzip.compress(text[:1_000], 1) + gzip.compress(text[1_000:], 1),
    "identity": lambda text: text,
    "": lambda text: text,
}


def chunks(body: bytes, size: int = 65_536) -> list[bytes]:
    return [body[at : at + size] for at in range(0, len(body), size)]


@pytest.mark.parametrize("encoding", FRAMES)
def test_text_of_several_frames_comes_back_whole(encoding: str) -> None:
    body = FRAMES[encoding](TEXT)
    assert b"".join(decoded(chunks(body), encoding)) == TEXT


@pytest.mark.parametrize("encoding", ["zstd", "gzip"])
def test_small_bodies_do_not_grow_beyond_a_piece_at_a_time(encoding: str) -> None:
    body = FRAMES[encoding](b"\n" * 200_000_000)
    assert max(map(len, decoded([body], encoding))) <= PIECE_BYTES


@pytest.mark.parametrize("encoding", ["zstd", "gzip"])
def test_damaged_bodies_are_told(encoding: str) -> None:
    body = b"\x00\x01" + FRAMES[encoding](TEXT)[2:]
    with pytest.raises(BrokenExposition, match="damaged"):
        list(decoded(chunks(body), encoding))


def test_gzip_that_ends_early_is_told() -> None:
    with pytest.raises(BrokenExposition, match="end early"):
        list(decoded([gzip.compress(TEXT, 1)[:-9]], "gzip"))


def test_unasked_encoding_is_refused() -> None:
    with pytest.raises(ExporterRefused, match="'br' was not asked for"):
        decoded([b""], "br")


@pytest.mark.parametrize("encoding", ["zstd", "gzip"])
def test_text_that_unpacks_beyond_all_measure_is_refused(encoding: str) -> None:
    bomb = FRAMES[encoding](b"\n" * 200_000_000)
    taken: list[int] = []
    with pytest.raises(ExporterRefused, match="unpacks to more than 200 times its size"):
        taken.extend(map(len, bounded(chunks(bomb), encoding)))
    assert sum(taken) <= max(16 * PIECE_BYTES, 200 * len(bomb))


@pytest.mark.parametrize("encoding", FRAMES)
def test_text_of_usual_measure_comes_back_whole(encoding: str) -> None:
    assert b"".join(bounded(chunks(FRAMES[encoding](TEXT)), encoding)) == TEXT
