"""Tests of what holds between rows, in memory and beyond it."""

import random
from collections import defaultdict

import polars as pl
import pytest

from costwire_focus.errors import FocusError
from costwire_focus.rules import Validator
from costwire_focus.rules.pairs import Conflicts, Pairs, RowPairs
from costwire_focus.rules.relations import relations_of

_SKU = next(one for one in relations_of("1.2") if one.rule.id == "SkuPriceId-C-008-M")
_METER = next(one for one in relations_of("1.2") if one.rule.id == "SkuMeter-C-006-O")


def _batches(keys, seed=5, rows=4_000):
    """Random rows in batches of various lengths, with the place of each."""
    draw = random.Random(seed)  # noqa: S311
    names = [None, *map(str, range(keys))]
    prices = [draw.choice(names) for _ in range(rows)]
    skus = [draw.choice([None, "a", "a", "a", "b"]) for _ in range(rows)]
    start = 0
    while start < rows:
        end = min(rows, start + draw.randint(1, 700))
        frame = pl.DataFrame({"SkuPriceId": prices[start:end], "SkuId": skus[start:end]})
        yield frame, pl.Series(range(start, end), dtype=pl.Int64)
        start = end


def _told_by_hand(batches):
    """Where the second SKU of a price first stands, and where a price without any does."""
    firsts = defaultdict(dict)
    for frame, places in batches:
        for (price, sku), place in zip(frame.iter_rows(), places, strict=True):
            if price is not None:
                firsts[price].setdefault(sku, place)
    seconds, without = [], []
    for seen in firsts.values():
        said = sorted(place for sku, place in seen.items() if sku is not None)
        if not said:
            without.append(seen[None])
        seconds += said[1:]
    return seconds, without


@pytest.mark.parametrize("most", [10, 150, 100_000])
def test_keys_with_two_values_or_none_are_found_wherever_their_rows_stand(most):
    pairs = Pairs(_SKU, most)
    for frame, places in _batches(2_500):
        pairs.add(frame, places)
    seconds, without = _told_by_hand(_batches(2_500))
    assert min(len(seconds), len(without)) > 100
    assert pairs.conflicts(10).keys == len(seconds) + len(without)
    assert pairs.conflicts(10).places == sorted(seconds + without)[:10]


def test_a_row_without_a_value_says_nothing_where_its_key_has_one():
    pairs = Pairs(_SKU)
    rows = pl.DataFrame({"SkuPriceId": ["1", "1", "2", None], "SkuId": [None, "a", None, None]})
    pairs.add(rows, pl.Series([1, 2, 3, 4]))
    assert pairs.conflicts(10).places == [3]


def test_only_versions_that_say_one_and_only_one_miss_a_value():
    assert {
        (relation.rule.id, version)
        for version in ("1.0", "1.1", "1.2", "1.3")
        for relation in relations_of(version)
        if relation.wanted
    } == {("SkuPriceId-C-008-M", "1.2"), ("CAU-SkuPriceId-C-008-M", "1.3")}


@pytest.mark.parametrize("keys", [3, 300, 3_000], ids=["known", "some", "nearly all new"])
@pytest.mark.parametrize("most", [0, 50, 100_000])
def test_passing_over_rows_that_were_met_changes_nothing(keys, most):
    rows = RowPairs([_SKU, _METER], most=most)
    for frame, places in _batches(keys):
        rows.add([_SKU], frame.with_columns(Other=places), places)
    told = {rule.id: conflicts for rule, conflicts in rows.conflicts(10)}
    seconds, without = _told_by_hand(_batches(keys))
    places = sorted(seconds + without)
    assert told[_SKU.rule.id] == Conflicts(len(places), places[:10])
    assert told[_METER.rule.id] == Conflicts(0, [])


def test_parts_with_other_columns_are_compared_with_those_before():
    rows = RowPairs([_SKU])
    plain = pl.DataFrame({"SkuPriceId": ["1"], "SkuId": ["a"], "ProviderName": ["P"]})
    other = pl.DataFrame(
        {"SkuId": ["b", "b"], "SkuPriceId": ["1", "1"], "ProviderName": ["P", "Q"]}
    )
    for place, frame in enumerate((plain, other, plain)):
        rows.add([_SKU], frame, pl.Series([10 * place + row for row in range(frame.height)]))
    assert [conflicts for _, conflicts in rows.conflicts(10)] == [Conflicts(1, [10])]


def test_each_provider_has_keys_of_its_own():
    pairs = Pairs(_SKU)
    rows = pl.DataFrame(
        {"SkuPriceId": ["1", "1", "1"], "SkuId": ["a", "b", "b"], "ProviderName": ["P", "Q", "P"]}
    )
    pairs.add(rows.head(2), pl.Series([1, 2]))
    assert pairs.conflicts(10).keys == 0
    pairs.add(rows.tail(1), pl.Series([3]))
    assert pairs.conflicts(10).places == [3]


def test_a_disk_that_is_full_is_told_with_what_to_do(monkeypatch):
    pairs = Pairs(_SKU, most=1)
    monkeypatch.setattr("tempfile.tempdir", "/nowhere")
    rows = pl.DataFrame({"SkuPriceId": ["1", "2", "3"], "SkuId": ["a", "b", "c"]})
    with pytest.raises(FocusError, match="name another folder with TMPDIR"):
        pairs.add(rows, pl.Series([1, 2, 3]))


def test_lines_are_told_across_files_and_batches(a_charge, a_batch):
    validator = Validator(list(a_charge()), "1.2")
    for file, sku in (("a.csv", "sku"), ("b.csv", "sku"), ("b.csv", "other")):
        validator.check(a_batch([a_charge(SkuId=sku)] * 2, file))
    finding = validator.findings["SkuPriceId-C-008-M"]
    assert (finding.count, finding.lines) == (1, [("b.csv", 2)])
