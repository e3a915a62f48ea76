"""Columns as dictionaries."""

from decimal import Decimal

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from costwire_focus.repeats import each_once, plain, plain_table, plain_type

CELLS = st.lists(st.lists(st.none() | st.sampled_from(["", "a", "b"]), max_size=5), max_size=3)


@given(CELLS)
def test_a_column_comes_back_from_its_dictionary(chunks):
    column = pa.chunked_array([pa.array(cells, pa.string()) for cells in chunks], pa.string())
    once = each_once(column)
    values = once.dictionary.to_pylist()
    assert len(values) == len(set(values))
    assert None not in values
    assert plain(once).to_pylist() == column.to_pylist()
    assert plain(column).to_pylist() == column.to_pylist()


def test_maps_become_a_dictionary_too():
    cells = [[("key", "value")], None, [("key", "value")], []]
    maps = pa.array(cells, pa.map_(pa.string(), pa.string()))
    once = each_once(maps)
    assert isinstance(once, pa.DictionaryArray)
    assert once.to_pylist() == cells
    assert plain(once).to_pylist() == cells


@pytest.mark.parametrize(
    "values",
    [
        pa.array([Decimal("1.5")], pa.decimal128(38, 18)),
        pa.array([0], pa.timestamp("ms")),
        pa.array([[("key", "value")]], pa.map_(pa.string(), pa.string())),
    ],
    ids=["amounts", "instants", "tags"],
)
@pytest.mark.parametrize("cells", [[], [[]], [[0, None], [0]]], ids=["none", "empty", "some"])
def test_every_type_of_a_bill_may_be_a_dictionary(values, cells):
    kind = pa.dictionary(pa.int8(), values.type)
    parts = [pa.array(places, pa.int8()) for places in cells]
    chunks = [pa.DictionaryArray.from_arrays(places, values) for places in parts]
    column = pa.chunked_array(chunks, kind)
    (value,) = values.to_pylist()
    told = [None if place is None else value for part in cells for place in part]
    assert plain(column).to_pylist() == told
    assert plain_type(column.type) == values.type
    assert plain_table(pa.table({"x": column})).schema.field("x").type == values.type
