"""How many bytes are read, by one or by several."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from costwire_aggregator.http_client import Allowance, BodyTooLarge


def test_what_is_too_large_is_told_by_whose_limit_it_is() -> None:
    whole = Allowance(100, "all answers are")
    part = Allowance(60, "this answer is", of=whole)
    part.take(60)
    with pytest.raises(BodyTooLarge, match="this answer is larger than 60 bytes"):
        part.take(1)
    with pytest.raises(BodyTooLarge, match="all answers are larger than 100 bytes"):
        Allowance(60, of=whole).take(41)


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 50)), max_size=60))
def test_no_more_is_kept_than_is_allowed(takes: list[tuple[int, int]]) -> None:
    whole = Allowance(100)
    parts = [Allowance(50, of=whole) for _ in range(3)]
    kept = [0, 0, 0]
    for number, size in takes:
        try:
            parts[number].take(size)
            kept[number] += size
        except BodyTooLarge:
            assert kept[number] + size > 50 or sum(kept) + size > 100
            parts[number].give_back(kept[number])
            kept[number] = 0
    assert max(kept) <= 50
    assert sum(kept) <= 100
    whole.take(100 - sum(kept))
