"""Uploaded bodies as tables."""

import json
from decimal import Decimal

import pyarrow as pa
import pytest

from costwire_db_handler.errors import BadPart, BadUpload
from costwire_db_handler.upload import JSON, NDJSON, read_part, read_upload


def body(*labels: dict[str, object], **more: object) -> bytes:
    return json.dumps([{"labels": told, **more} for told in labels]).encode()


def stream(table: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return bytes(sink.getvalue())


@pytest.mark.parametrize(
    "kind", [pa.string(), pa.large_string(), pa.string_view(), pa.null()], ids=str
)
def test_every_kind_of_text_is_taken(kind: pa.DataType) -> None:
    cells = [None, None] if kind == pa.null() else ["a", None]
    part = read_part(stream(pa.table({"x": pa.array(cells, kind)})))
    assert part.column("x").to_pylist() == cells
    assert part.schema.field("x").type == pa.string()


def test_empty_cell_of_a_part_is_null() -> None:
    part = read_part(stream(pa.table({"x": ["", " ", "a"]})))
    assert part.column("x").to_pylist() == [None, " ", "a"]


@pytest.mark.parametrize("kind", [pa.int64(), pa.float64(), pa.binary()], ids=str)
def test_part_that_is_no_text_is_refused(kind: pa.DataType) -> None:
    with pytest.raises(BadPart, match="column 'x' is"):
        read_part(stream(pa.table({"x": pa.array([], kind)})))


def test_columns_are_those_of_all_records() -> None:
    charges = read_upload(JSON, body({"a": "1"}, {"b": "2", "a": "3"})).charges
    assert charges.to_pylist() == [{"a": "1", "b": None}, {"a": "3", "b": "2"}]


def test_latest_timestamp_counts() -> None:
    records = [{"labels": {"a": "1"}, "timestamp": time} for time in (5, 7.9, 6)]
    lines = b"\n".join(json.dumps(record).encode() for record in records)
    assert read_upload(NDJSON, lines).timestamp == 7


def test_records_without_timestamp_have_none() -> None:
    assert read_upload(JSON, body({"a": "1"})).timestamp == 0


@pytest.mark.parametrize("value", ["0.10", "1e-9", "12345678901234567890.123456789012", "7"])
def test_value_stands_in_for_a_cost_that_is_absent(value: str) -> None:
    sent = body({"a": "1"}, value=0).replace(b'"value": 0', f'"value": {value}'.encode())
    (charge,) = read_upload(JSON, sent).charges.to_pylist()
    assert Decimal(charge["BilledCost"]) == Decimal(value)


@pytest.mark.parametrize("value", [None, "1", float("nan")], ids=str)
def test_value_that_is_no_number_is_none(value: object) -> None:
    assert read_upload(JSON, body({"a": "1"}, value=value)).charges.column_names == ["a"]


def test_empty_cost_stays_null_whatever_the_value() -> None:
    (charge,) = read_upload(JSON, body({"BilledCost": ""}, value=3.5)).charges.to_pylist()
    assert charge == {"BilledCost": None}


def test_numbers_keep_their_digits() -> None:
    sent = b'[{"labels": {"a": 0.12345678901234567890123, "b": 1234567890123456789012}}]'
    (charge,) = read_upload(JSON, sent).charges.to_pylist()
    assert charge == {"a": "0.12345678901234567890123", "b": "1234567890123456789012"}


@pytest.mark.parametrize("content_type", ["", "text/plain", "multipart/form-data"])
def test_other_content_types_are_refused(content_type: str) -> None:
    with pytest.raises(BadUpload, match="send application/json"):
        read_upload(content_type, b"[]")


def test_error_tells_where_it_is() -> None:
    with pytest.raises(BadUpload) as refused:
        read_upload(JSON, b'[\n{"labels": }]')
    assert refused.value.extensions == {"line": 2, "column": 12}
