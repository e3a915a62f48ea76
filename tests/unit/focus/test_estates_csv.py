"""CSV of made-up charges: each provider's spelling, and no value changed by it."""

from __future__ import annotations

import csv
import gzip
import io
from decimal import Decimal

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from costwire_focus.estates import Dialect, Estate, csv_chunks, generate, write_csv

CHARGES = pa.table(
    {
        "BilledCost": ["0.0000006123", "-0.0004", "12.5", None],
        "ChargePeriodStart": ["2024-09-01T05:00:00Z"] * 3 + [None],
        "ServiceName": ['a "b", c', "NULL", "line\nbreak", None],
    }
)


def written(dialect: Dialect, charges: pa.Table = CHARGES) -> bytes:
    sink = io.BytesIO()
    write_csv(charges, sink, dialect)
    return sink.getvalue()


def test_plain_spelling_quotes_what_has_to_be_quoted() -> None:
    assert written(Dialect()).decode() == (
        "BilledCost,ChargePeriodStart,ServiceName\n"
        '0.0000006123,2024-09-01T05:00:00Z,"a ""b"", c"\n'
        "-0.0004,2024-09-01T05:00:00Z,NULL\n"
        '12.5,2024-09-01T05:00:00Z,"line\nbreak"\n'
        ",,\n"
    )


def test_text_quoting_leaves_amounts_and_nulls_bare() -> None:
    assert written(Dialect(null="NULL", quoting="text")).decode() == (
        '"BilledCost","ChargePeriodStart","ServiceName"\n'
        '0.0000006123,"2024-09-01T05:00:00Z","a ""b"", c"\n'
        '-0.0004,"2024-09-01T05:00:00Z","NULL"\n'
        '12.5,"2024-09-01T05:00:00Z","line\nbreak"\n'
        "NULL,NULL,NULL\n"
    )


def test_full_quoting_leaves_nulls_bare() -> None:
    lines = written(Dialect(null="null", quoting="all", newline="\r\n")).decode().split("\r\n")
    assert lines[1] == '"0.0000006123","2024-09-01T05:00:00Z","a ""b"", c"'
    assert lines[-2] == "null,null,null"


@pytest.mark.parametrize(
    ("times", "text"),
    [
        ("focus", "2024-09-01T05:00:00Z"),
        ("milliseconds", "2024-09-01T05:00:00.000Z"),
        ("minutes", "2024-09-01T05:00Z"),
        ("blank", "2024-09-01 05:00:00"),
    ],
)
def test_times_are_spelled_as_asked(times: str, text: str) -> None:
    rows = list(csv.DictReader(io.StringIO(written(Dialect(times=times)).decode())))  # type: ignore[arg-type]
    assert rows[0]["ChargePeriodStart"] == text
    assert rows[3]["ChargePeriodStart"] == ""


@given(st.decimals(-10, 10, allow_nan=False, allow_infinity=False, places=20))
def test_exponents_keep_the_value(amount: Decimal) -> None:
    charges = pa.table({"BilledCost": [format(amount, "f"), "1", None]})
    lines = written(Dialect(exponents=True), charges).decode().splitlines()
    assert Decimal(lines[1]) == amount
    assert lines[2] == "1"


def test_small_amounts_get_exponents_as_doubles_do() -> None:
    charges = pa.table({"BilledCost": ["0.0000006123", "-0.0004", "0.001", "0"]})
    lines = written(Dialect(exponents=True), charges).decode().splitlines()
    assert lines[1:] == ["6.123E-7", "-4.0E-4", "0.001", "0"]


def test_compressed_bytes_are_the_same_text() -> None:
    assert gzip.decompress(written(Dialect(gzip=True))) == written(Dialect())
    assert written(Dialect(gzip=True)) == written(Dialect(gzip=True))


def test_byte_order_mark_comes_first_and_once() -> None:
    assert written(Dialect(byte_order_mark=True)) == b"\xef\xbb\xbf" + written(Dialect())


def test_charges_are_written_in_blocks() -> None:
    charges = pa.table({"ServiceName": [str(number) for number in range(45_000)]})
    chunks = list(csv_chunks(charges))
    assert len(chunks) > 3
    assert b"".join(chunks).decode().split() == ["ServiceName", *map(str, range(45_000))]


def test_no_charges_give_a_header() -> None:
    assert written(Dialect(), CHARGES.slice(0, 0)).decode().count("\n") == 1


def test_oracle_writes_its_own_columns_without_the_prefix() -> None:
    def names(spelling: str) -> list[str]:
        estate = Estate(rows=20, clouds=("oci",), spelling=spelling)  # type: ignore[arg-type]
        return list(next(generate(estate)).charges.column_names)

    assert "oci_CompartmentId" in names("native")
    assert "x_OciCompartmentId" in names("focus")
