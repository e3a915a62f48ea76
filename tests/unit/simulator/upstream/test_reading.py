"""Texts, read as scrapes read them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from costwire_simulator.exporters.text import labels
from costwire_simulator.upstream.reading import (
    BadText,
    Layout,
    names_in,
    read_text,
    taken_apart,
)

_NAMES = st.from_regex(r"[a-zA-Z_][a-zA-Z0-9_]{0,8}", fullmatch=True)


def test_series_and_values_are_told_apart() -> None:
    text = '# HELP a b\n# TYPE a gauge\na 1\nb{c="d e} f"} -2.5e+06 1700000000000\n\nc NaN\n'
    series, values = read_text(text)
    assert series == ["a", 'b{c="d e} f"}', "c"]
    assert [*values][:2] == [1.0, -2_500_000.0]


@pytest.mark.parametrize("text", ["a", "a one", "a 1 2 3", 'a{b="c"}1', "{} 1 x y"])
def test_what_is_no_exposition_is_refused(text: str) -> None:
    with pytest.raises(BadText):
        read_text(text)


@given(st.dictionaries(_NAMES, st.text(st.characters(exclude_categories=["Cs"])), max_size=6))
def test_labels_come_back_as_they_were_written(told: dict[str, str]) -> None:
    written = f"a_total{{{labels(told)}}}" if told else "a_total"
    (series,), _ = read_text(f"{written} 1")
    shape, texts = taken_apart(series)
    metric, names = names_in(shape)
    assert metric == "a_total"
    assert dict(zip(names, texts, strict=True)) == told


@pytest.mark.parametrize(
    "series",
    ["", "1a", 'a{b="c"', "a{b=c}", 'a{b="c",,}', 'a{b="c"d="e"}', 'a{1b="c"}', 'a{b="\\"}'],
)
def test_what_is_no_series_is_refused(series: str) -> None:
    with pytest.raises(BadText):
        names_in(taken_apart(series)[0])


def test_a_series_is_there_once() -> None:
    with pytest.raises(BadText, match="twice"):
        Layout(["a", "a"], [{"__name__": "a"}] * 2)
