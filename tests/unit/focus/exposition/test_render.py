from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from costwire_focus.exposition import COPY_LABEL
from costwire_focus.exposition.copies import CopyCounter
from costwire_focus.exposition.labels import label_names
from costwire_focus.exposition.render import Renderer

GOLDEN = Path(__file__).parents[3] / "golden" / "charges.prom"

HARD = {
    "ServiceName": ["Compute", 'quo"te', "back\\slash", "line\nend", "Compute"],
    "servicename": ["lower", None, None, None, "lower"],
    "BilledCost": ["1.50", "-2.5E-7", None, "0", "1.50"],
    "Tags": ['{"env": "prod"}', "{}", None, "a=b,c;d", '{"env": "prod"}'],
    "x_Größe.mm": ["ä", "} 1", "€", None, "ä"],
    "job": ["nightly", None, None, None, "nightly"],
    "__name__": [None, "other", None, None, None],
    "costwire_copy": [None, None, "5", None, None],
    "x_Empty": [None] * 5,
    "y" * 120: ["long", None, None, None, "long"],
}


def exposition(columns):
    table = pa.table({name: pa.array(cells, pa.string()) for name, cells in columns.items()})
    renderer = Renderer(list(columns))
    return (renderer.header() + bytes(renderer.render(table)) + renderer.footer()).decode()


def expected_samples(columns):
    """Each charge's labels and value, copies numbered, as any Prometheus parser should see them."""
    labels = label_names(columns)
    met = {}
    samples = []
    for row in zip(*columns.values(), strict=True):
        cells = dict(zip(columns, row, strict=True))
        pairs = {labels[name]: cell for name, cell in cells.items() if cell}
        number = met.get(row, 0)
        met[row] = number + 1
        if number:
            pairs[COPY_LABEL] = str(number)
        samples.append((pairs, float(cells.get("BilledCost") or "nan")))
    return samples


def test_the_text_is_the_golden_one():
    assert exposition(HARD) == GOLDEN.read_text()


def test_prometheus_own_parser_reads_the_same_samples():
    (family,) = text_string_to_metric_families(exposition(HARD))
    assert (family.name, family.type) == ("billed_cost", "gauge")
    read = [(sample.labels, sample.value) for sample in family.samples]
    expected = expected_samples(HARD)
    assert [labels for labels, _ in read] == [labels for labels, _ in expected]
    np.testing.assert_array_equal([value for _, value in read], [value for _, value in expected])


def test_a_null_and_an_absent_column_are_absent_labels():
    renderer = Renderer(["BilledCost", "ServiceName", "x_Absent"])
    table = pa.table({"BilledCost": ["1"], "ServiceName": pa.nulls(1, pa.string())})
    assert bytes(renderer.render(table)) == b'billed_cost{BilledCost="1",} 1\n'


def test_labels_stand_in_the_order_of_the_delivery_s_columns():
    renderer = Renderer(["b", "a"])
    table = pa.table({"a": ["1"], "b": ["2"]})
    assert bytes(renderer.render(table)) == b'billed_cost{b="2",a="1",} NaN\n'


def test_the_value_is_the_text_of_billed_cost():
    renderer = Renderer(["BilledCost"])
    table = pa.table({"BilledCost": ["1.50", "15E-1", None]})
    values = [line.split()[1] for line in bytes(renderer.render(table)).decode().splitlines()]
    assert values == ["1.50", "15E-1", "NaN"]


def test_no_charges_render_to_nothing():
    renderer = Renderer(["BilledCost"])
    assert bytes(renderer.render(pa.table({"BilledCost": pa.array([], pa.string())}))) == b""
    assert renderer.footer() == b"# costwire end samples=0\n"


def test_a_slice_of_a_table_renders_its_rows_only():
    table = pa.table({"BilledCost": ["1", "2", "3"]}).slice(1, 1)
    assert bytes(Renderer(["BilledCost"]).render(table)) == b'billed_cost{BilledCost="2",} 2\n'


@pytest.mark.parametrize(
    "second",
    [
        pytest.param({"BilledCost": ["1"], "ServiceName": ["a"]}, id="column absent"),
        pytest.param({"ServiceName": ["a"], "BilledCost": ["1"]}, id="other order"),
        pytest.param({"BilledCost": ["1"], "x_T": [None], "ServiceName": ["a"]}, id="column null"),
    ],
)
def test_a_copy_in_a_part_with_other_columns_is_told_apart(second):
    renderer = Renderer(["BilledCost", "ServiceName", "x_T"])
    first = pa.table({"BilledCost": ["1"], "ServiceName": ["a"], "x_T": pa.nulls(1, pa.string())})
    part = pa.table({name: pa.array(cells, pa.string()) for name, cells in second.items()})
    lines = bytes(renderer.render(first)) + bytes(renderer.render(part))
    assert lines == (
        b'billed_cost{BilledCost="1",ServiceName="a",} 1\n'
        b'billed_cost{BilledCost="1",ServiceName="a",costwire_copy="1",} 1\n'
    )


@given(
    st.lists(st.lists(st.integers(0, 5), max_size=30), max_size=12),
)
def test_copies_are_numbered_over_all_blocks(blocks):
    counter = CopyCounter()
    met = {}
    for block in blocks:
        frame = pl.DataFrame({"a": [str(n) for n in block]}, schema={"a": pl.String})
        expected = []
        for n in block:
            expected.append(met.get(n, 0))
            met[n] = met.get(n, 0) + 1
        assert counter.count(frame.hash_rows().to_numpy()).tolist() == expected


def test_many_blocks_are_kept_as_few_runs():
    counter = CopyCounter()
    for start in range(0, 6400, 100):
        frame = pl.DataFrame({"a": [str(n) for n in range(start, start + 100)]})
        assert not counter.count(frame.hash_rows().to_numpy()).any()
    assert len(counter._runs) <= 7
    assert sum(map(len, counter._runs)) == 6400
