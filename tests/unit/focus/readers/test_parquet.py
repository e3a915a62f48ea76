import base64
import datetime as dt
import io
import json
import uuid
from decimal import Decimal

import pyarrow as pa
import pyarrow.parquet as pq
import pyarrow.parquet.encryption as pe
import pytest

from costwire_focus.errors import Unreadable
from costwire_focus.own_rules import BINARY_FLOAT, INSTANT_WITHOUT_ZONE
from costwire_focus.readers import open_report

MOMENT = dt.datetime(2024, 9, 1, 12, 30, 15, tzinfo=dt.UTC)
TEXTS = pa.map_(pa.string(), pa.string())
UUID = uuid.UUID("12345678-1234-5678-1234-567812345678")


def written(columns, **options):
    stream = io.BytesIO()
    pq.write_table(pa.table(columns), stream, **options)
    return stream.getvalue()


def moments(*values, unit="us", zone=None):
    return pa.array(
        [value and value.astimezone(dt.UTC).replace(tzinfo=None) for value in values],
        pa.timestamp(unit),
    ).cast(pa.timestamp(unit, zone))


@pytest.mark.parametrize(
    ("column", "texts"),
    [
        pytest.param(pa.array(["a", "", None]), ["a", None, None], id="text"),
        pytest.param(pa.array(["NULL", "é\n", " "]), ["NULL", "é\n", " "], id="text as it is"),
        pytest.param(pa.array(["a", ""], pa.large_string()), ["a", None], id="large text"),
        pytest.param(pa.array(["a", "x" * 40], pa.string_view()), ["a", "x" * 40], id="view"),
        pytest.param(pa.array(["a", "", "a"]).dictionary_encode(), ["a", None, "a"], id="dict"),
        pytest.param(pa.array([1, 2, 1]).dictionary_encode(), ["1", "2", "1"], id="dict of int"),
        pytest.param(pa.array([1, -2, None]), ["1", "-2", None], id="integer"),
        pytest.param(pa.array([2**64 - 1], pa.uint64()), [str(2**64 - 1)], id="unsigned"),
        pytest.param(pa.array([True, False, None]), ["true", "false", None], id="boolean"),
        pytest.param(pa.nulls(2), [None, None], id="null"),
        pytest.param(pa.array([0.1, 1e-7, None]), ["0.1", "1e-7", None], id="double"),
        pytest.param(pa.array([0.1, 2], pa.float32()), ["0.1", "2"], id="float"),
        pytest.param(moments(MOMENT, None), ["2024-09-01T12:30:15Z", None], id="timestamp"),
        pytest.param(moments(MOMENT, unit="s"), ["2024-09-01T12:30:15Z"], id="seconds"),
        pytest.param(
            moments(MOMENT, MOMENT.replace(microsecond=5000), unit="ms"),
            ["2024-09-01T12:30:15Z", "2024-09-01T12:30:15.005Z"],
            id="milliseconds",
        ),
        pytest.param(
            pa.array([1_725_193_815_000_000_001], pa.timestamp("ns")),
            ["2024-09-01T12:30:15.000000001Z"],
            id="nanoseconds",
        ),
        pytest.param(moments(MOMENT, zone="UTC"), ["2024-09-01T12:30:15Z"], id="UTC"),
        pytest.param(moments(MOMENT, zone="Asia/Kolkata"), ["2024-09-01T12:30:15Z"], id="zone"),
        pytest.param(moments(MOMENT, zone="+05:30"), ["2024-09-01T12:30:15Z"], id="offset"),
        pytest.param(
            moments(dt.datetime(1969, 12, 31, 23, 59, 59, 500_000, tzinfo=dt.UTC)),
            ["1969-12-31T23:59:59.500000Z"],
            id="before 1970",
        ),
        pytest.param(pa.array([dt.date(2024, 9, 1), None]), ["2024-09-01", None], id="date"),
        pytest.param(pa.array([dt.date(2024, 9, 1)], pa.date64()), ["2024-09-01"], id="date64"),
        pytest.param(pa.array([dt.timedelta(seconds=5)]), ["5000000 us"], id="duration"),
        pytest.param(pa.array([b"a", b"", None]), ["a", None, None], id="binary text"),
        pytest.param(pa.array([b"\xff\xfe", b"a"]), ["//4=", "YQ=="], id="binary"),
        pytest.param(pa.array([b"ab"], pa.binary(2)), ["ab"], id="fixed binary"),
        pytest.param(pa.array([UUID.bytes, None], pa.uuid()), [str(UUID), None], id="uuid"),
        pytest.param(
            pa.array([[("k", "v"), ('q"', None)], [], None], TEXTS),
            ['{"k":"v","q\\"":null}', "{}", None],
            id="map",
        ),
        pytest.param(
            pa.array([[("k", 0.5)]], pa.map_(pa.string(), pa.float64())),
            ['{"k":0.5}'],
            id="numbers",
        ),
        pytest.param(pa.array([["a", 'b"'], [], None]), ['["a","b\\""]', "[]", None], id="list"),
        pytest.param(pa.array([{"a": "x", "b": 1}, None]), ['{"a":"x","b":1}', None], id="struct"),
        pytest.param(
            pa.array([[{"Key": "a", "Value": "b"}]]), ['[{"Key":"a","Value":"b"}]'], id="records"
        ),
        pytest.param(pa.array([["a"]], pa.large_list(pa.string())), ['["a"]'], id="large list"),
        pytest.param(pa.array([[1, 2]], pa.list_(pa.int8(), 2)), ["[1,2]"], id="fixed list"),
        pytest.param(pa.array([["a"]], pa.list_view(pa.string())), ['["a"]'], id="list view"),
        pytest.param(pa.array([Decimal("1.10")], pa.decimal32(9, 2)), ["1.10"], id="decimal32"),
        pytest.param(pa.array([dt.time(1, 2, 3)]), ["01:02:03.000000"], id="time"),
        pytest.param(pa.array([0.5], pa.float16()), ["0.5"], id="half"),
        pytest.param(
            pa.array([[("k", Decimal("1.10"))]], pa.map_(pa.string(), pa.decimal128(38, 2))),
            ['{"k":"1.10"}'],
            id="decimals in a map",
        ),
        pytest.param(
            pa.array(
                [[{"key": "a", "value": None}]],
                pa.list_(pa.struct([("key", pa.string()), ("value", pa.string())])),
            ),
            ['[{"key":"a","value":null}]'],
            id="tags as records",
        ),
        pytest.param(pa.array([{"a": b"\xff"}]), ['{"a": "b\'\\\\xff\'"}'], id="bytes in a struct"),
    ],
)
def test_a_cell_of_any_type_is_text(read, column, texts):
    seen = read(written({"x_Own": column}))
    assert [row[0] for row in seen.rows] == texts
    assert seen.disagreement is None


@pytest.mark.parametrize("kind", [pa.decimal128(38, 18), pa.decimal256(60, 30)])
def test_a_decimal_is_exact(read, kind):
    cells = [Decimal("1.5"), Decimal(0), Decimal("-0.000000000000000001"), None]
    seen = read(written({"BilledCost": pa.array(cells, kind)}))
    assert [text and Decimal(text) for (text,) in seen.rows] == cells
    assert seen.disagreement is None


def test_double_amounts_are_a_remark_and_other_doubles_are_not(read):
    seen = read(written({"BilledCost": [0.1], "x_Own": [0.5]}))
    assert list(seen.remarks) == [BINARY_FLOAT]
    assert "BilledCost" in seen.remarks[BINARY_FLOAT]
    assert read(written({"BilledCost": ["0.1"], "x_Own": [0.5]})).remarks == {}


def test_rows_are_numbered_over_batches_and_row_groups(read):
    rows = 40_000
    columns = {
        "BilledCost": [str(n) for n in range(rows)],
        "Tags": pa.array([[("k", str(n))] * (n % 3) for n in range(rows)], TEXTS),
        "x_Id": pa.array([f"text {n % 7}" for n in range(rows)]).dictionary_encode(),
    }
    seen = read(written(columns, row_group_size=17_000))
    assert seen.lines == list(range(1, rows + 1))
    assert [row[0] for row in seen.rows] == columns["BilledCost"]
    assert [row[1] for row in seen.rows] == [
        "{" + ",".join([f'"k":"{n}"'] * (n % 3)) + "}" for n in range(rows)
    ]
    assert [row[2] for row in seen.rows] == [f"text {n % 7}" for n in range(rows)]
    assert seen.disagreement is None


def test_raw_bytes_are_the_row_as_json(read):
    seen = read(written({"BilledCost": ["1", "2"], "ServiceName": ["ä", None]}))
    assert [json.loads(raw) for raw in seen.raw] == [
        {"BilledCost": "1", "ServiceName": "ä"},
        {"BilledCost": "2", "ServiceName": None},
    ]


def test_a_repeated_column_gets_its_own_name(read):
    table = pa.table([pa.array(["1"]), pa.array(["2"])], names=["a", "a"])
    stream = io.BytesIO()
    pq.write_table(table, stream)
    seen = read(stream.getvalue())
    assert (seen.names, seen.rows) == (["a", "a_2"], [("1", "2")])


def test_a_parquet_file_without_rows_has_its_columns(read):
    seen = read(written({"BilledCost": pa.array([], pa.string())}))
    assert (seen.names, seen.rows, seen.disagreement) == (["BilledCost"], [], None)


@pytest.mark.parametrize("kept", [4, 100, -1])
def test_a_parquet_file_that_is_cut_off_is_unreadable(kept):
    data = written({"BilledCost": [str(n) for n in range(1000)]})[:kept]
    with pytest.raises(Unreadable, match="no whole parquet file"):
        open_report(io.BytesIO(data), "part")


def test_damaged_pages_are_unreadable():
    data = bytearray(written({"BilledCost": [str(n) for n in range(1000)]}))
    data[4:400] = bytes(396)
    with pytest.raises(Unreadable, match="damaged"):
        list(open_report(io.BytesIO(bytes(data)), "part").batches())


def test_timestamps_without_a_zone_are_told(read):
    columns = {"ChargePeriodStart": moments(MOMENT), "x_Own": moments(MOMENT)}
    seen = read(written({"BilledCost": ["1"], **columns}))
    assert list(seen.remarks) == [INSTANT_WITHOUT_ZONE]
    assert seen.remarks[INSTANT_WITHOUT_ZONE].endswith(": ChargePeriodStart")
    zoned = {name: moments(MOMENT, zone="UTC") for name in columns}
    assert read(written({"BilledCost": ["1"], **zoned})).remarks == {}


class Keys(pe.KmsClient):
    """Keeps keys by wrapping them in nothing: a test has no secrets."""

    def wrap_key(self, key_bytes, _master):
        return base64.b64encode(key_bytes)

    def unwrap_key(self, wrapped_key, _master):
        return base64.b64decode(wrapped_key)


@pytest.mark.parametrize("plaintext_footer", [False, True])
def test_encrypted_parquet_is_named(tmp_path, plaintext_footer):
    factory = pe.CryptoFactory(lambda _: Keys())
    told = pe.EncryptionConfiguration(
        footer_key="f", column_keys={"c": ["BilledCost"]}, plaintext_footer=plaintext_footer
    )
    properties = factory.file_encryption_properties(pe.KmsConnectionConfig(), told)
    table = pa.table({"BilledCost": ["1"], "x_Own": ["a"]})
    with pq.ParquetWriter(tmp_path / "p", table.schema, encryption_properties=properties) as sink:
        sink.write_table(table)
    with (tmp_path / "p").open("rb") as stream, pytest.raises(Unreadable, match="encrypt"):
        list(open_report(stream, "part").batches())
