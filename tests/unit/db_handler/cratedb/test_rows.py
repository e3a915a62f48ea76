"""Staged charges as rows of a bulk: what comes out of the JSON is what went in."""

from __future__ import annotations

import json
from decimal import Decimal

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from costwire_db_handler.charges.prepare import ROW, Preparer
from costwire_db_handler.stores.cratedb.layout import INTERNAL_NAMES, OPEN, Layout
from costwire_db_handler.stores.cratedb.rows import (
    Rows,
    Versioning,
    encoded,
    halves_of,
    stored_columns,
)
from costwire_db_handler.stores.cratedb.versions import joined_hash
from costwire_focus.repeats import plain_table

TEXT = st.none() | st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=9)
AMOUNTS = st.none() | st.decimals(
    min_value=-(10**12), max_value=10**12, allow_nan=False, places=12
).map(str)
INSTANTS = st.sampled_from([None, "2024-09-01T00:00:00Z", "2024-09-30T23:59:59.999Z"])
TAGS = st.none() | st.dictionaries(
    st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=5), TEXT, max_size=3
).map(json.dumps)
CHARGES = st.lists(st.tuples(AMOUNTS, TEXT, INSTANTS, TAGS), min_size=1, max_size=8)
NAMES = ("BilledCost", "ServiceName", "ChargePeriodStart", "Tags")
LAYOUT = Layout(table="t").with_columns(NAMES)
VERSIONING = Versioning.visible(7, 3, "2024-09-01T00:00:00Z")


@pytest.fixture(scope="module")
def preparer() -> Preparer:
    return Preparer()


@given(CHARGES)
def test_cells_come_back_as_they_went_in(
    preparer: Preparer, told: list[tuple[str | None, ...]]
) -> None:
    cells = {name: pa.array(column) for name, column in zip(NAMES, zip(*told), strict=True)}  # noqa: B905
    charges = pa.table({name: column.cast(pa.string()) for name, column in cells.items()})
    part = preparer.prepare(charges, 2).charges
    columns = stored_columns(LAYOUT, part.schema)
    ready = encoded(part, list(columns), VERSIONING, by_month=True)
    assert ready.numbers.to_pylist() == part.column(ROW).to_pylist()
    rows = [
        dict(zip([*INTERNAL_NAMES, *columns.values()], row, strict=True))
        for row in json.loads(b"[%b]" % ready.json())
    ]
    for number, (row, (cost, service, start, tags)) in enumerate(zip(rows, told, strict=True)):
        assert (row["_commit"], row["_last"], row["_source"]) == (7, OPEN, 3)
        assert row["_row"] == (2 << 32) + number
        assert row["_month"] == row["_period"][:7]
        found = row["billedcost"]
        assert found is None or isinstance(found, str)  # as a number it would be a double
        assert (found and Decimal(found)) == (cost and Decimal(cost))
        assert row["servicename"] == service
        assert (row["chargeperiodstart"] is None) == (start is None)
        assert row["tagsjson"] == tags
        assert row["tags"] == (None if tags is None else json.loads(tags))


def test_of_repeated_cells_only_some_rows_may_be_written(preparer: Preparer) -> None:
    tags = [json.dumps({"n": str(n % 5)}) for n in range(20)]
    charges = pa.table({"BilledCost": ["1.5"] * 20, "ServiceName": ["a", "b"] * 10, "Tags": tags})
    part = preparer.prepare(charges, 0).charges
    columns = list(stored_columns(LAYOUT, part.schema))
    everything = encoded(part, columns, VERSIONING, by_month=True)
    some = encoded(part.take([3, 9]), columns, VERSIONING, by_month=True)
    assert pa.types.is_dictionary(part.schema.field("=Tags").type)
    assert some.json() == everything.take([3, 9]).json()


def test_charges_that_are_no_dictionaries_are_written_alike(preparer: Preparer) -> None:
    """An earlier version staged them so; deliveries may be open while the handler is replaced."""
    tags = ['{"a": "1"}', None, '{"a": "1"}', "[1]"]
    charges = pa.table({"BilledCost": ["1.5"] * 4, "ServiceName": ["a", "b"] * 2, "Tags": tags})
    part = preparer.prepare(charges, 0).charges
    columns = list(stored_columns(LAYOUT, part.schema))
    once, each = (
        encoded(table, columns, VERSIONING, by_month=True) for table in (part, plain_table(part))
    )
    assert each.json() == once.json()


HALVES = st.integers(-(2**63) + 1, 2**63 - 2)


@given(st.lists(st.tuples(HALVES, HALVES), min_size=1, max_size=9))
def test_hashes_are_put_together_as_they_were_taken_apart(told: list[tuple[int, int]]) -> None:
    upper, lower = zip(*told, strict=True)
    hashes = pa.chunked_array([joined_hash(upper, lower)])
    assert [tuple(half.tolist()) for half in halves_of(hashes)] == [upper, lower]


def rows_of(*sizes: int) -> Rows:
    """Rows whose texts have so many bytes, without the comma."""
    texts = [f"[{'1' * (size - 2)}]," for size in sizes]
    return Rows(pa.array(range(len(texts)), pa.int64()), pa.array(texts, pa.string()))


def test_batches_are_bounded_in_rows_and_in_bytes() -> None:
    rows = rows_of(3, 3, 9, 3, 3, 3)
    pieces = [piece.numbers.to_pylist() for piece in rows.batches(3, 14)]
    assert pieces == [[0, 1], [2, 3], [4, 5]]
    assert [len(piece) for piece in rows.batches(4, 1_000)] == [4, 2]


@given(st.lists(st.integers(3, 30), max_size=20), st.integers(1, 6), st.integers(1, 60))
def test_batches_hold_every_row_once_and_in_order(sizes: list[int], size: int, most: int) -> None:
    rows = rows_of(*sizes).slice(1, len(sizes)) if sizes else rows_of()
    pieces = list(rows.batches(size, most))
    assert [n for piece in pieces for n in piece.numbers.to_pylist()] == rows.numbers.to_pylist()
    assert b",".join(piece.json() for piece in pieces) == (rows.json() if len(rows) else b"")
    for piece in pieces:
        assert len(piece) == 1 or (len(piece) <= size and len(piece.json()) < most)


def test_chosen_rows_keep_their_numbers() -> None:
    chosen = rows_of(3, 4, 5, 6).slice(1, 4).take([2, 0])
    assert (chosen.numbers.to_pylist(), chosen.json()) == ([3, 1], b"[1111],[11]")
