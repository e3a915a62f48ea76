"""Draws and scaled integers: reproducible, in range, exact."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from costwire_focus.estates.catalogue import Cloud
from costwire_focus.estates.charges import MOST_QUANTITY
from costwire_focus.estates.clouds import CLOUDS
from costwire_focus.estates.decimals import scaled_sum, scaled_text, scaled_texts
from costwire_focus.estates.draws import Draws
from costwire_focus.estates.estate import EXCHANGE, share
from costwire_focus.estates.items import make_items

SCALED = st.lists(
    st.tuples(st.integers(-(10**18) + 1, 10**18 - 1), st.integers(0, 18)), min_size=1, max_size=40
)


def exact(value: int, decimals: int) -> Decimal:
    return Decimal(f"{value}E-{decimals}")


def test_draws_do_not_change_from_version_to_version() -> None:
    draws = Draws(42, "golden")
    assert draws.raw("a", 3).tolist() == [
        4302420833161336394,
        13020628617612970906,
        15075234283935164878,
    ]
    assert draws.fill("{D4}-{h8}-{X5}") == "6957-7a15449d-7ML6P"
    assert draws.one("b", 1_000) == 375


def test_a_position_is_drawn_alike_however_many_are_drawn() -> None:
    draws = Draws("x")
    assert draws.below("n", 1_000, 10).tolist() == draws.below("n", 1_000, 500)[:10].tolist()


def test_names_and_keys_give_independent_draws() -> None:
    draws = Draws("x")
    drawn = [draws.raw("a", 4), draws.raw("b", 4), draws.child("a").raw("a", 4)]
    assert len({int(value) for values in drawn for value in values}) == 12


def test_weights_decide_how_often_a_position_is_drawn() -> None:
    counts = np.bincount(Draws("w").weighted("n", (1, 0, 3), 40_000), minlength=3)
    assert counts[1] == 0
    assert counts[2] == pytest.approx(30_000, rel=0.02)


def test_order_is_a_permutation() -> None:
    assert sorted(Draws("o").order("n", 100).tolist()) == list(range(100))


@given(SCALED)
def test_scaled_integers_become_their_exact_text(pairs: list[tuple[int, int]]) -> None:
    values, decimals = (np.array(column, dtype=np.int64) for column in zip(*pairs, strict=True))
    texts = scaled_texts(values, decimals).to_pylist()
    assert texts == [scaled_text(value, places) for value, places in pairs]
    assert [Decimal(text) for text in texts] == [exact(*pair) for pair in pairs]


@given(SCALED)
def test_fixed_decimals_change_the_spelling_only(pairs: list[tuple[int, int]]) -> None:
    values, decimals = (np.array(column, dtype=np.int64) for column in zip(*pairs, strict=True))
    texts = scaled_texts(values, decimals, fixed=2).to_pylist()
    assert [Decimal(text) for text in texts] == [exact(*pair) for pair in pairs]
    assert all(len(text.partition(".")[2]) >= 2 for text in texts)


@given(SCALED)
def test_sums_of_scaled_integers_lose_no_digit(pairs: list[tuple[int, int]]) -> None:
    values, decimals = (np.array(column, dtype=np.int64) for column in zip(*pairs, strict=True))
    expected = sum(value * 10 ** (18 - places) for value, places in pairs)
    assert scaled_sum(values, decimals) == exact(expected, 18)


@given(st.integers(0, 10**6), st.lists(st.integers(1, 10**6), min_size=1, max_size=50))
def test_shares_add_up_to_the_whole(total: int, weights: list[int]) -> None:
    parts = share(total, weights)
    assert sum(parts) == total
    assert min(parts) >= 0


@pytest.mark.parametrize("currency", EXCHANGE)
@pytest.mark.parametrize("cloud", CLOUDS.values(), ids=list(CLOUDS))
def test_no_product_of_price_and_quantity_leaves_64_bits(cloud: Cloud, currency: str) -> None:
    factor, shift = EXCHANGE[currency]
    items = make_items(cloud, Draws("i"), (factor, shift), "1.4")
    for unit in items.unit.values():
        assert int(unit.max()) * MOST_QUANTITY * factor < 10**18
    assert int(items.decimals.max()) + shift <= 18
    assert int(items.consumed_factor.max()) * MOST_QUANTITY < 10**18
