"""Where records stand that begin at a line."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from costwire_exporter.record_index import RecordPlaces


@given(st.lists(st.lists(st.integers(1, 3), min_size=1, max_size=8), min_size=1, max_size=4))
def test_place_of_a_line_is_that_of_its_record(steps: list[list[int]]) -> None:
    places, expected = RecordPlaces(), {}
    for number, gaps in enumerate(steps):
        lines = np.cumsum(gaps) + 1
        places.add(f"{number}.csv", lines)
        for line in lines.tolist():
            expected[f"{number}.csv", line] = len(expected)
    assert {each: places.of(*each) for each in expected} == expected
    for file, line in expected:
        if (file, line + 1) not in expected:
            with pytest.raises(KeyError):
                places.of(file, line + 1)


def test_line_of_no_record_has_no_place() -> None:
    places = RecordPlaces()
    places.add("a.csv", np.array([2, 3]))
    for file, line in (("a.csv", 4), ("b.csv", 2)):
        with pytest.raises(KeyError):
            places.of(file, line)
