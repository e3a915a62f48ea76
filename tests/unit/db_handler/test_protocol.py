"""CrateDB's protocol: bodies to statements, results to JSON."""

import gzip
import json
from datetime import datetime
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from costwire_db_handler.sql.checked import BulkItem, Checked, Kind, Result
from costwire_db_handler.sql.encoding import encoded_rows
from costwire_db_handler.sql.errors import (
    DuplicateKey,
    RelationUnknown,
    SqlParse,
    StatementTooLarge,
)
from costwire_db_handler.sql.protocol import (
    encode_bulk,
    encode_error,
    encode_result,
    read_request,
    version_body,
)


def a_query(*, quoted: frozenset[str] = frozenset()) -> Checked:
    return Checked(Kind.SELECT, "", "ann", returns_rows=True, quoted=quoted)


def encoded(values: list[Any], arrow: pa.DataType, kind: str) -> str:
    batch = pa.record_batch([pa.array(values, arrow)], names=["x"])
    return encoded_rows(batch, [kind]).decode()


def test_a_statement_and_its_arguments_are_read() -> None:
    request = read_request(b'{"stmt": "SELECT ?", "args": ["a", 1, 1.50, null, true]}')
    assert request.statement == "SELECT ?"
    assert request.arguments == ["a", 1, Decimal("1.50"), None, True]
    assert request.bulk_arguments is None


def test_an_amount_of_24_digits_stays_exact_in_the_arguments() -> None:
    request = read_request(b'{"stmt": "x", "args": [123456789012.123456789012]}')
    assert request.arguments == [Decimal("123456789012.123456789012")]


@pytest.mark.parametrize("number", ["1e300", "1e-300", "1." + "1" * 60])
def test_a_number_that_is_no_decimal_of_38_digits_is_a_double(number: str) -> None:
    (value,) = read_request(b'{"stmt": "x", "args": [' + number.encode() + b"]}").arguments
    assert isinstance(value, float)
    assert value == float(number)


def test_bulk_arguments_are_rows() -> None:
    request = read_request(b'{"stmt": "x", "bulk_args": [["a", 1], ["b", 2]]}')
    assert request.bulk_arguments == [["a", 1], ["b", 2]]


def test_a_gzipped_body_is_inflated() -> None:
    body = gzip.compress(b'{"stmt": "SELECT 1"}')
    assert read_request(body, content_encoding="gzip").statement == "SELECT 1"


def test_a_small_body_that_inflates_to_much_is_refused() -> None:
    bomb = gzip.compress(b'{"stmt": "' + b" " * 50_000_000 + b'"}')
    with pytest.raises(StatementTooLarge):
        read_request(bomb, content_encoding="gzip")


def test_a_body_over_the_limit_is_refused() -> None:
    with pytest.raises(StatementTooLarge, match="a request may have 10 bytes"):
        read_request(b'{"stmt": "SELECT 1"}', max_bytes=10)


@pytest.mark.parametrize(
    ("body", "encoding"),
    [
        (b"", None),
        (b"{", None),
        (b"[]", None),
        (b'{"stmt": 1}', None),
        (b'{"args": []}', None),
        (b'{"stmt": "x", "what": 1}', None),
        (b'{"stmt": "x", "args": {}}', None),
        (b'{"stmt": "x", "bulk_args": [1]}', None),
        (b'{"stmt": "x", "args": [1], "bulk_args": [[1]]}', None),
        (b'{"stmt": "x", "args": [NaN]}', None),
        (b'{"stmt": "x", "args": [' + b"1" * 5_000 + b"]}", None),
        (b'{"stmt": "x", "args": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", None),
        (b'{"stmt": "\xff"}', None),
        (b"not gzip", "gzip"),
        (gzip.compress(b'{"stmt": "SELECT 1"}', mtime=0)[:-9], "gzip"),
        (b"{}", "br"),
    ],
)
def test_a_body_that_is_no_request_is_a_parse_error(body: bytes, encoding: str | None) -> None:
    with pytest.raises(SqlParse):
        read_request(body, content_encoding=encoding)


def test_an_answer_has_the_fields_of_cratedb() -> None:
    batch = pa.record_batch([pa.array([1, 2]), pa.array(["a", None])], names=["n", "t"])
    result = Result(["N", "t"], ["BIGINT", "VARCHAR"], [batch, batch], 4)
    text = b"".join(encode_result(result, a_query(), with_types=True, milliseconds=1.5))
    assert json.loads(text) == {
        "cols": ["n", "t"],
        "col_types": [10, 4],
        "rows": [[1, "a"], [2, None], [1, "a"], [2, None]],
        "rowcount": 4,
        "duration": 1.5,
    }


def test_types_are_left_out_unless_asked_for() -> None:
    result = Result(["n"], ["BIGINT"], [], 0)
    text = b"".join(encode_result(result, a_query(), with_types=False, milliseconds=1))
    assert json.loads(text) == {"cols": ["n"], "rows": [], "rowcount": 0, "duration": 1.0}


def test_a_change_answers_with_one_empty_row() -> None:
    result = Result([], [], [], 3)
    change = Checked(Kind.INSERT, "", "ann")
    text = b"".join(encode_result(result, change, with_types=True, milliseconds=1))
    assert json.loads(text)["rows"] == [[]]
    assert json.loads(text)["rowcount"] == 3


def test_unquoted_names_are_folded_and_quoted_ones_kept() -> None:
    result = Result(["BilledCost", "Total", "count_star()"], ["BIGINT"] * 3, [], 0)
    checked = a_query(quoted=frozenset({"Total"}))
    text = b"".join(encode_result(result, checked, with_types=False, milliseconds=1))
    assert json.loads(text)["cols"] == ["billedcost", "Total", "count(*)"]


def test_decimals_are_bare_numbers_with_all_their_digits() -> None:
    values = [
        Decimal("12345678901234567890.123456789012345678"),
        Decimal("-0.500000000000000000"),
        Decimal("0E-18"),
        Decimal("1E-18"),
        Decimal("100.000000000000000000"),
        None,
    ]
    assert encoded(values, pa.decimal128(38, 18), "DECIMAL(38,18)") == (
        "[12345678901234567890.123456789012345678],[-0.5],[0],[0.000000000000000001],[100],[null]"
    )


def test_instants_and_dates_are_milliseconds() -> None:
    instants = [datetime(2024, 9, 1, 0, 0, 0, 123_999), datetime(1969, 12, 31, 23, 59, 59)]  # noqa: DTZ001
    assert encoded(instants, pa.timestamp("us"), "TIMESTAMP") == "[1725148800123],[-1000]"
    assert encoded([19_967], pa.date32(), "DATE") == "[1725148800000]"


def test_doubles_that_are_no_numbers_are_text() -> None:
    values = [1.0, 0.1, float("nan"), float("inf"), float("-inf"), 1e300]
    assert encoded(values, pa.float64(), "DOUBLE") == (
        '[1.0],[0.1],["NaN"],["Infinity"],["-Infinity"],[1e+300]'
    )


def test_maps_structs_and_lists_are_json_with_exact_decimals() -> None:
    kind = pa.map_(pa.string(), pa.string())
    assert encoded([[("a.b", 'x"'), ("c", None)], [], None], kind, "MAP(VARCHAR, VARCHAR)") == (
        r'[{"a.b":"x\"","c":null}],[{}],[null]'
    )
    nested = pa.list_(pa.struct([("d", pa.decimal128(38, 18)), ("t", pa.timestamp("ms"))]))
    row = [{"d": Decimal("1.50"), "t": datetime(2024, 9, 1)}]  # noqa: DTZ001
    assert encoded([row], nested, "STRUCT[]") == '[[{"d":1.5,"t":1725148800000}]]'


def test_bytes_are_base64_and_intervals_text() -> None:
    assert encoded([b"\x00\xff"], pa.binary(), "BLOB") == '["AP8="]'
    interval = pa.scalar((14, 3, 3_661_500_000_000), pa.month_day_nano_interval())
    batch = pa.record_batch([pa.array([interval])], names=["x"])
    assert encoded_rows(batch, ["INTERVAL"]) == b'["1 years 2 mons 3 days 01:01:01.5"]'


def test_json_columns_are_passed_through() -> None:
    assert encoded(['{"a": [1]}', None], pa.string(), "JSON") == '[{"a": [1]}],[null]'


@given(st.lists(st.text() | st.none(), min_size=1))
def test_every_text_comes_back_as_it_was(values: list[str | None]) -> None:
    assert json.loads(f"[{encoded(values, pa.string(), 'VARCHAR')}]") == [[v] for v in values]


@given(
    st.integers(-(10**38) + 1, 10**38 - 1),
    st.sampled_from([0, 1, 9, 18, 38]),
)
def test_every_decimal_comes_back_as_it_was_without_trailing_zeros(
    unscaled: int, scale: int
) -> None:
    value = Decimal(unscaled).scaleb(-scale) if unscaled else Decimal(0)
    exact = Decimal((value.as_tuple().sign, Decimal(unscaled).as_tuple().digits, -scale))
    text = encoded([exact], pa.decimal128(38, scale), f"DECIMAL(38,{scale})")[1:-1]
    assert Decimal(text) == exact
    assert "E" not in text
    assert not ("." in text and text.endswith("0"))


@given(st.lists(st.floats() | st.none(), min_size=1))
def test_every_finite_double_comes_back_as_it_was(values: list[float | None]) -> None:
    rows = json.loads(f"[{encoded(values, pa.float64(), 'DOUBLE')}]")
    for (found,), value in zip(rows, values, strict=True):
        assert repr(float(found)) == repr(value) if value is not None else found is None


def test_a_bulk_answer_tells_each_item() -> None:
    items = [BulkItem(1), BulkItem(-2, DuplicateKey("it exists"))]
    assert json.loads(encode_bulk(items, milliseconds=2)) == {
        "cols": [],
        "duration": 2,
        "results": [
            {"rowcount": 1},
            {
                "rowcount": -2,
                "error": {"message": "DuplicateKeyException[it exists]", "code": 4091},
            },
        ],
    }


def test_an_error_has_cratedbs_shape() -> None:
    error = RelationUnknown.named("nosuch")
    assert error.status == 404
    assert json.loads(encode_error(error)) == {
        "error": {"message": "RelationUnknown[Relation 'nosuch' unknown]", "code": 4041}
    }


def test_the_version_is_what_clients_look_for() -> None:
    answer = json.loads(version_body("n1"))
    assert answer["name"] == "n1"
    assert answer["version"]["number"].startswith("6.")
