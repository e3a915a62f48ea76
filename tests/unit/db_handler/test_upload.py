"""Uploaded bodies as tables."""

import json
import struct
from contextlib import suppress
from decimal import Decimal

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from costwire_db_handler.arrow_bodies import PartLimits
from costwire_db_handler.errors import BadPart, BadUpload
from costwire_db_handler.upload import ARROW, JSON, NDJSON, read_part, read_upload
from costwire_focus.repeats import plain_table
from costwire_runtime.problems import TooLarge


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


@pytest.mark.parametrize("codec", ["zstd", "lz4"])
def test_compressed_part_is_refused_before_it_is_unpacked(codec: str) -> None:
    sink = pa.BufferOutputStream()
    table = pa.table({"x": ["a" * 1_000_000]})
    options = pa.ipc.IpcWriteOptions(compression=codec)
    with pa.ipc.new_stream(sink, table.schema, options=options) as writer:
        writer.write_table(table)
    with pytest.raises(BadPart, match="it is compressed; send it as it is"):
        read_part(bytes(sink.getvalue()))


CELLS = st.lists(st.none() | st.sampled_from(["", "a", "ä", "long " * 9]), max_size=9)
INDICES = st.sampled_from([pa.int8(), pa.uint16(), pa.int32(), pa.int64()])


@given(st.lists(CELLS, min_size=1, max_size=3), INDICES)
def test_dictionary_of_texts_is_read_as_the_texts(
    batches: list[list[str | None]], index: pa.DataType
) -> None:
    kind = pa.dictionary(index, pa.string())
    column = pa.chunked_array([pa.array(cells, kind) for cells in batches], kind)
    cells = [cell or None for cells in batches for cell in cells]
    part = read_part(stream(pa.table({"x": column})))
    assert part.column("x").to_pylist() == cells
    assert plain_table(part).equals(pa.table({"x": pa.array(cells, pa.string())}))


@pytest.mark.parametrize("kind", [pa.large_string(), pa.string_view()], ids=str)
def test_dictionary_of_every_kind_of_text_is_taken_with_its_nulls(kind: pa.DataType) -> None:
    coded = pa.DictionaryArray.from_arrays(
        pa.array([0, 1, None, 2, 0], pa.int8()), pa.array(["a", "", None], kind)
    )
    part = read_part(stream(pa.table({"x": pa.chunked_array([coded, coded])})))
    assert plain_table(part).column("x").to_pylist() == ["a", None, None, None, "a"] * 2


def test_place_beyond_the_dictionary_is_refused() -> None:
    coded = pa.array(["a", "b"] * 100).dictionary_encode()
    body = stream(pa.table({"x": coded}))
    places = coded.indices.buffers()[1].to_pybytes()
    assert body.count(places) == 1
    with pytest.raises(BadPart, match="column 'x'"):
        read_part(body.replace(places, places[:-4] + b"\2\0\0\0"))


@pytest.mark.parametrize("texts", [["a" * 1_000_000, "b"], ["b"] + ["a" * 1_000_000] * 100])
def test_cells_of_a_dictionary_are_counted_each_by_itself(texts: list[str]) -> None:
    coded = pa.DictionaryArray.from_arrays(pa.array([0] * 100, pa.int8()), pa.array(texts))
    with pytest.raises(TooLarge, match=r"its cells have 10\d,\d+,\d+ bytes, of 67,108,864"):
        read_part(stream(pa.table({"x": coded})))


def test_long_dictionary_counts_in_each_batch_that_has_it() -> None:
    empty = pa.array([""] * 100_000, pa.large_string())
    coded = pa.DictionaryArray.from_arrays(pa.array([0], pa.int8()), empty)
    with pytest.raises(TooLarge, match=r"its cells have 67,\d+,\d+ bytes, of 67,108,864"):
        read_part(stream(pa.table({"x": pa.chunked_array([coded] * 200)})))


def test_dictionary_in_pieces_is_refused() -> None:
    sink = pa.BufferOutputStream()
    options = pa.ipc.IpcWriteOptions(emit_dictionary_deltas=True)
    schema = pa.schema({"x": pa.dictionary(pa.int8(), pa.string())})
    with pa.ipc.new_stream(sink, schema, options=options) as writer:
        for texts in (["a"], ["a", "b"]):
            indices = pa.array(range(len(texts)), pa.int8())
            coded = pa.DictionaryArray.from_arrays(indices, pa.array(texts))
            writer.write_batch(pa.record_batch([coded], schema=schema))
    with pytest.raises(BadPart, match="a dictionary comes in pieces; send it whole"):
        read_part(bytes(sink.getvalue()))


@pytest.mark.parametrize("kind", [pa.string(), pa.large_string()], ids=str)
def test_texts_of_negative_length_make_no_room_for_others(kind: pa.DataType) -> None:
    long = pa.DictionaryArray.from_arrays(
        pa.array([0] * 100, pa.int8()), pa.array(["a" * 1_000_000])
    )
    width = "i" if kind == pa.string() else "q"
    offsets = struct.pack(f"<101{width}", 0, 2**31 - 1, *[0] * 99)
    nulls = bytes([0b1111_1110]) + b"\xff" * 12
    buffers = [pa.py_buffer(nulls), pa.py_buffer(offsets), pa.py_buffer(b"")]
    wrong = pa.Array.from_buffers(kind, 100, buffers)
    with pytest.raises(BadPart, match="column 'b' is not UTF-8 "):
        read_part(stream(pa.table({"b": wrong, "a": long})))


def test_dictionary_of_no_texts_is_refused() -> None:
    with pytest.raises(BadPart, match="column 'x' is dictionary"):
        read_part(stream(pa.table({"x": pa.array([1, 1]).dictionary_encode()})))


def test_compressed_dictionary_is_refused_before_it_is_unpacked() -> None:
    sink = pa.BufferOutputStream()
    table = pa.table({"x": pa.array(["a" * 1_000_000]).dictionary_encode()})
    options = pa.ipc.IpcWriteOptions(compression="zstd")
    with pa.ipc.new_stream(sink, table.schema, options=options) as writer:
        writer.write_table(table)
    with pytest.raises(BadPart, match="it is compressed; send it as it is"):
        read_part(bytes(sink.getvalue()))


def test_dictionary_without_end_is_too_large() -> None:
    values = pa.nulls(50_000_000)
    coded = pa.DictionaryArray.from_arrays(pa.array([0], pa.int8()), values)
    with pytest.raises(TooLarge, match="it has 50,000,000 charges, of 1,000,000 at most"):
        read_part(stream(pa.table({"x": coded})))


def test_many_views_of_one_long_text_are_too_large() -> None:
    text = b"a" * 100_000
    view = struct.pack("<i4sii", len(text), text[:4], 0, 0)
    buffers = [None, pa.py_buffer(view * 10_000), pa.py_buffer(text)]
    views = pa.Array.from_buffers(pa.string_view(), 10_000, buffers)
    body = stream(pa.table({"x": views}))
    with pytest.raises(TooLarge, match=r"its cells have 1,000,000,000 bytes, of 67,108,864"):
        read_part(body)


def test_nulls_without_end_are_too_many() -> None:
    body = stream(pa.table({"x": pa.nulls(50_000_000)}))
    assert len(body) < 1_000
    with pytest.raises(TooLarge, match="it has 50,000,000 charges, of 1,000,000 at most"):
        read_part(body)


@pytest.mark.parametrize("limits", [PartLimits(columns=2), PartLimits(rows=2)], ids=str)
@pytest.mark.parametrize("kind", [JSON, NDJSON, ARROW])
def test_more_charges_or_columns_than_allowed_are_refused(limits: PartLimits, kind: str) -> None:
    rows: list[dict[str, object]] = [{"a": "1", "b": "2", "c": "3"}] * 3
    bodies = {
        JSON: body(*rows),
        NDJSON: b"\n".join(json.dumps({"labels": row}).encode() for row in rows),
        ARROW: stream(pa.Table.from_pylist(rows)),
    }
    assert read_upload(kind, bodies[kind], PartLimits(rows=3, columns=3)).charges.num_rows == 3
    with pytest.raises(TooLarge, match=r"it has 3 (charges|columns), of 2 at most"):
        read_upload(kind, bodies[kind], limits)


def test_records_of_ever_other_labels_do_not_become_a_table() -> None:
    labels = [{f"label-{at}": "1"} for at in range(50_000)]
    with pytest.raises(TooLarge, match="it has 50,000 columns"):
        read_upload(JSON, body(*labels))


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_damaged_part_is_refused_or_read(data: st.DataObject) -> None:
    repeated = pa.array(["a", None, "a"]).dictionary_encode()
    plain = {"x": ["a", None, "bc"], "y": ["1", "2", "3"]}
    views = pa.array(["a text of more than twelve bytes", "b"], pa.string_view())
    seen = pa.DictionaryArray.from_arrays(pa.array([0, 1, 0], pa.int8()), views)
    columns = data.draw(st.sampled_from([plain, {"z": repeated}, {"v": seen}, plain | {"z": seen}]))
    whole = bytearray(stream(pa.table(columns)))
    for _ in range(data.draw(st.integers(1, 4))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    with suppress(BadPart, TooLarge):
        table = read_part(bytes(whole))
        table.validate(full=True)
        assert set(plain_table(table).schema.types) <= {pa.string()}


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
