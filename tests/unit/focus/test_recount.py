import csv
import io
from decimal import Decimal

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from costwire_focus.canonical import exact_sum
from costwire_focus.recount import CsvRecount, ParquetRecount

NAMES = ["ServiceName", "BilledCost"]
BLOCK = 8 * 1024 * 1024


def count(data, names=NAMES, size=BLOCK):
    second = CsvRecount(names)
    for start in range(0, len(data), size):
        second.feed(data[start : start + size])
    second.finish()
    return second.records, second.billed_cost


@pytest.mark.parametrize(
    ("data", "records", "billed_cost"),
    [
        pytest.param(b"", 0, "0", id="nothing"),
        pytest.param(b"a,1.5\nb,2\n", 2, "3.5", id="plain"),
        pytest.param(b"a,1.5\nb,2", 2, "3.5", id="no last line end"),
        pytest.param(b'a,1.5\r\n"b","2"\r\n', 2, "3.5", id="CRLF and quotes"),
        pytest.param(b"\n\na,1\n\r\n\nb,2\n\n", 2, "3", id="blank lines"),
        pytest.param(b'"a\n\nb",1\n"c,""d""",2\n', 2, "3", id="quoted line ends and commas"),
        pytest.param(b"a,\nb,NULL\nc,x\nd,nan\n", 4, "0", id="no amounts"),
        pytest.param(b"a,1E-7\nb,+2e2\nc,-.5\n", 3, "199.5000001", id="E notation"),
        pytest.param(b"a\nb,1,c\nd,2\n", 3, "3", id="ragged"),
        pytest.param(b"\xff,1\n\0,2\n", 2, "3", id="undecodable"),
        pytest.param(b'5" pipe,1\nb,2\n3",4\n', 3, "7", id="stray quotes"),
        pytest.param(b'"a" b,1\nc "d",2\n', 2, "3", id="text beside quotes"),
        pytest.param(b'a,1\n"b,2\nc,3\n', 2, "1", id="quote left open"),
        pytest.param(b"a,1E999999999\nb,1" + b"0" * 40 + b"\nc,1\n", 3, "1", id="too long"),
        pytest.param("ä\u2028\u0085,1\n\ufeff,2\n".encode(), 2, "3", id="Unicode"),
        pytest.param(b"\xef\xbb\xbfa,1\n", 1, "1", id="BOM of a cell"),
    ],
)
@pytest.mark.parametrize("size", [1, 7, BLOCK])
def test_records_and_billed_cost(data, records, billed_cost, size):
    assert count(data, size=size) == (records, Decimal(billed_cost))


def test_equal_amounts_of_many_digits_add_up_exactly():
    assert count(b"a,1.2345678901234567890123456789012345678\n" * 1000) == (
        1000,
        Decimal("1234.5678901234567890123456789012345678"),
    )


@given(
    st.lists(
        st.decimals("-1e12", "1e12", places=21).map(lambda amount: format(amount, "f"))
        | st.decimals("-1e11", "1e11", places=20).map(lambda amount: format(amount, "f"))
        | st.integers(-(10**12), 10**12).map(str)
    )
)
def test_amounts_of_any_length_add_up_exactly(amounts):
    data = "".join(f"a,{amount}\n" for amount in amounts).encode()
    assert count(data) == (len(amounts), exact_sum(map(Decimal, amounts)))


def test_many_of_the_largest_amounts_add_up_exactly():
    assert count(b"a,99999999999.99999999999999999999\n" * 300_000) == (
        300_000,
        Decimal("29999999999999999.999999999999997"),
    )


def test_a_report_without_billed_cost_is_counted_all_the_same():
    assert count(b"a,1\n\nb,2\n", names=["ServiceName", "ListCost"]) == (2, 0)


def test_one_column_has_a_record_for_each_line_that_is_not_blank():
    assert count(b'1\n""\n\n2\n', names=["BilledCost"]) == (3, 3)


def test_blocks_are_cut_where_no_quote_is_open():
    row = b'"' + b"line\n" * 2000 + b'",1\n'
    rows = 2000
    assert count(row * rows, size=1 << 20) == (rows, rows)


def test_a_stray_quote_costs_neither_memory_nor_records():
    row = b"a b c d e f g h i j k l m n o p q r s t u v w x y z,1\n"
    rows = 400_000
    second = CsvRecount(NAMES)
    second.feed(b'5" pipe,1\n')
    for _ in range(rows // 20_000):
        second.feed(row * 20_000)
        assert len(second._pending) < 2 * BLOCK
    second.finish()
    assert (second.records, second.billed_cost) == (rows + 1, rows + 1)


def test_a_quote_left_open_is_given_up_at_some_size():
    second = CsvRecount(NAMES)
    second.feed(b'"a,1\n')
    for _ in range(15):
        second.feed((b"b" * 253 + b",2\n") * (1 << 14))
        assert len(second._pending) < 7 * BLOCK
    second.finish()
    assert second.records > 0


@given(
    st.lists(
        st.tuples(
            st.text('ab",\n é', max_size=5), st.sampled_from(["", "1.5", "-2E-3", "x", "0.10"])
        ),
        max_size=10,
    ),
    st.sampled_from([csv.QUOTE_ALL, csv.QUOTE_MINIMAL]),
    st.integers(1, 50),
)
def test_any_table_is_counted_as_it_was_written(rows, quoting, size):
    text = io.StringIO()
    csv.writer(text, quoting=quoting, lineterminator="\n").writerows(rows)
    amounts = [Decimal(cost) for _, cost in rows if cost not in ("", "x")]
    assert count(text.getvalue().encode(), size=size) == (len(rows), exact_sum(amounts))


def parquet(**columns):
    stream = io.BytesIO()
    pq.write_table(pa.table(columns), stream)
    stream.seek(0)
    second = ParquetRecount(stream)
    return second.records, second.billed_cost, second.reader.split()[0]


CENTS = [Decimal("1.50"), Decimal("-0.25"), None]


@pytest.mark.parametrize(
    ("cells", "billed_cost", "reader"),
    [
        pytest.param(pa.array(CENTS, pa.decimal128(38, 18)), "1.25", "polars", id="decimal"),
        pytest.param(pa.array(CENTS, pa.decimal256(50, 20)), "1.25", "pyarrow", id="decimal256"),
        pytest.param(pa.array(["1.50", "-25E-2", None]), "1.25", "polars", id="text"),
        pytest.param(pa.array([0.1, 1e-7, None]), "0.1000001", "polars", id="double"),
        pytest.param(pa.array([float("nan"), float("inf"), 1.0]), "1", "polars", id="no numbers"),
        pytest.param(pa.array([1, 2, None]), "3", "polars", id="integer"),
        pytest.param(pa.array([[1], [], None]), "0", "pyarrow", id="list"),
    ],
)
def test_parquet_records_and_billed_cost(cells, billed_cost, reader):
    assert parquet(ServiceName=["a", "b", "c"], BilledCost=cells) == (
        3,
        Decimal(billed_cost),
        reader,
    )


def test_parquet_with_a_zone_that_polars_does_not_know_is_counted():
    moments = pa.array([0, None], pa.timestamp("us", "+05:30"))
    assert parquet(ChargePeriodStart=moments, BilledCost=["1", "2"]) == (2, 3, "pyarrow")


def test_parquet_without_billed_cost_is_counted_all_the_same():
    assert parquet(ServiceName=["a", "b"]) == (2, 0, "polars")
