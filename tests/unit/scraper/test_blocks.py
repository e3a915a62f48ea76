"""Where blocks of exposition text end."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from costwire_scraper import blocks
from costwire_scraper.blocks import line_blocks
from costwire_scraper.errors import WrongExposition

TEXTS = st.lists(st.sampled_from([b"a", b"bcd", b"\n", b"\n\n", b"x" * 30]), max_size=60).map(
    b"".join
)


def pieces(text: bytes, cuts: list[int]) -> list[bytes]:
    edges = [0, *sorted(cut % (len(text) + 1) for cut in cuts), len(text)]
    return [text[start:end] for start, end in pairwise(edges)]


@given(TEXTS, st.integers(1, 40), st.lists(st.integers(0, 10_000), max_size=10))
def test_blocks_join_to_the_text_and_end_with_lines(
    text: bytes, size: int, cuts: list[int]
) -> None:
    found = list(line_blocks(pieces(text, cuts), size))
    assert b"".join(found) == text
    assert all(block.endswith(b"\n") for block in found[:-1])
    assert all(len(block) <= size or block.count(b"\n") <= 1 for block in found)


@given(TEXTS, st.integers(1, 40), st.lists(st.integers(0, 10_000), max_size=10))
def test_blocks_do_not_depend_on_how_the_text_arrives(
    text: bytes, size: int, cuts: list[int]
) -> None:
    assert list(line_blocks(pieces(text, cuts), size)) == list(line_blocks([text], size))


def test_endless_line_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blocks, "LONGEST_LINE", 100)
    with pytest.raises(WrongExposition, match="longer than 100 bytes"):
        list(line_blocks([b"x" * 60, b"x" * 60], 10))
