"""Chances."""

from __future__ import annotations

import re

from costwire_simulator.estate.draws import between, ending, hexes, pick, share, uuid


def test_chances_are_the_same_on_every_machine() -> None:
    assert hexes(16, "a", 1) == "ffeadc6289e2e6ff"
    assert ending(5, "a", 1) == "2n9lq"


def test_chances_depend_on_all_that_they_are_of() -> None:
    assert len({share("a", number) for number in range(1_000)}) == 1_000
    assert hexes(8, "a", 1) != hexes(8, "a1")


def test_chances_are_spread_evenly() -> None:
    told = [between(10, 20, number) for number in range(10_000)]
    assert min(told) >= 10
    assert max(told) < 20
    assert abs(sum(told) / len(told) - 15) < 0.1
    picked = [pick("abcd", number) for number in range(10_000)]
    assert all(2_300 < picked.count(letter) < 2_700 for letter in "abcd")


def test_identities_have_their_shapes() -> None:
    assert re.fullmatch(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-a[0-9a-f]{3}-[0-9a-f]{12}", uuid(1))
    assert re.fullmatch("[bcdfghjklmnpqrstvwxz2456789]{5}", ending(5, 1))
