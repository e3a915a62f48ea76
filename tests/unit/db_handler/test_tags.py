"""Tags are read the same, whatever was read before."""

import json
from collections.abc import Iterator

import duckdb
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.fuzz import FUZZED

from costwire_db_handler.charges import tags
from costwire_db_handler.charges.tags import TagReader

TEXTS = [
    *('{"b": "2", "a": "1"}', '{"a":"1","b":"2"}', '{"n": 1.50, "t": true, "x": null}', "{}"),
    *('{"deep": {"b": [1], "a": "x"}}', '"a": "1"', "no tags", "[1]", '{"a": "1", "a": "2"}'),
]
COLUMNS = st.lists(st.lists(st.none() | st.sampled_from(TEXTS), max_size=6), max_size=5)


@pytest.fixture(scope="module")
def sql() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        yield connection


def read(reader: TagReader, cells: list[str | None]) -> tuple[list[object], list[str | None]]:
    maps, canonical = reader.read(pa.array(cells, pa.string()).dictionary_encode())
    return maps.to_pylist(), canonical.to_pylist()


@given(COLUMNS, st.booleans())
def test_what_was_read_before_makes_no_difference(
    sql: duckdb.DuckDBPyConnection, columns: list[list[str | None]], forgetful: bool
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        if forgetful:
            patch.setattr(tags, "_MOST_BYTES", 0)
        reader = TagReader(sql)
        for cells in columns:
            assert read(reader, cells) == read(TagReader(sql), cells)


@given(st.dictionaries(st.text(max_size=4), st.text(max_size=4), min_size=1))
def test_both_ways_of_reading_give_one_canonical_text(
    sql: duckdb.DuckDBPyConnection, pairs: dict[str, str]
) -> None:
    whole = json.dumps(pairs)
    maps, (plain, odd) = read(TagReader(sql), [whole, whole[1:-1]])
    assert maps[0] == maps[1] == list(pairs.items())
    assert plain == odd


@pytest.mark.parametrize(
    "cell",
    [r'{"a": "\ud800"}', r'{"\udfff": 1}', '{"a":' + "[" * 900 + "]" * 900 + "}", "[" * 100_000],
)
def test_cell_that_cannot_be_read_stays_a_text(sql: duckdb.DuckDBPyConnection, cell: str) -> None:
    maps, canonical = read(TagReader(sql), [cell])
    assert canonical[0] is not None
    assert maps == [None] or canonical != [cell]


def test_key_that_stands_twice_makes_another_cell(sql: duckdb.DuckDBPyConnection) -> None:
    cells = ['{"a":"1","a":"2"}', '{"a":"2"}', '{"x":{"b":1,"b":2}}', '{"x":{"b":2}}']
    maps, canonical = read(TagReader(sql), list(cells))
    assert len(set(canonical)) == 4
    assert maps[0] == maps[1] == [("a", "2")]


def test_cells_are_maps_of_texts(sql: duckdb.DuckDBPyConnection) -> None:
    maps, canonical = read(
        TagReader(sql), [TEXTS[0], TEXTS[1], TEXTS[2], TEXTS[5], "no tags", None]
    )
    assert maps == [
        [("b", "2"), ("a", "1")],
        [("a", "1"), ("b", "2")],
        [("n", "1.50"), ("t", "true"), ("x", None)],
        [("a", "1")],
        None,
        None,
    ]
    assert canonical[0] == canonical[1] == '{"a":"1","b":"2"}'
    assert canonical[4:] == ["no tags", None]


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        ('[{"key": "a", "value": "b"}, {"value": 1.50, "key": "c"}]', [("a", "b"), ("c", "1.50")]),
        ("[]", []),
        ('[{"key": "a", "value": "b"}, {"key": "a", "value": "c"}]', None),
        ('[{"key": "a"}]', None),
        ('[{"key": "a", "value": "b", "more": 1}]', None),
        ('[{"key": ["a"], "value": "b"}]', None),
        ('["a", "b"]', None),
    ],
)
def test_a_list_of_key_and_value_records_is_read_as_tags(
    sql: duckdb.DuckDBPyConnection, cell: str, expected: list[tuple[str, str]] | None
) -> None:
    (found,), (canonical,) = read(TagReader(sql), [cell])
    assert found == expected
    if expected is None:
        assert canonical == cell


ODD = st.sampled_from(
    ('{"a": "1"', '"a": "1"}', "[[", "\\", "\\ud800", "\0", "1e999", "NaN", "'", "\ufeff")
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=8,
)
CELLS = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"]), max_size=30),
    JSON.map(json.dumps),
    st.tuples(JSON.map(json.dumps), st.integers(0, 60), ODD).map(
        lambda told: told[0][: told[1]] + told[2] + told[0][told[1] :]
    ),
    st.lists(ODD, max_size=4).map("".join),
)


@FUZZED
@given(st.lists(CELLS, min_size=1, max_size=6))
def test_any_text_is_read_as_tags_or_stays_a_text(
    sql: duckdb.DuckDBPyConnection, cells: list[str]
) -> None:
    maps, canonical = read(TagReader(sql), list(cells))
    assert len(maps) == len(canonical) == len(cells)
    for cell, found, text in zip(cells, maps, canonical, strict=True):
        assert text is not None
        alone = read(TagReader(sql), [cell])
        assert alone == ([found], [text])  # whatever stands beside it
        if text != cell:  # canonical text is canonical
            assert read(TagReader(sql), [text])[1] == [text]
