"""A part made ready: two hashes per charge, over canonical values."""

import hashlib
from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.factories import a_charge, as_table

from costwire_db_handler.charges.prepare import ROWS_OF_PART, Preparer

Cells = dict[str, str | None]
names = st.sampled_from(["x_a", "X_a", "x_a=b", "x\x1f", "\x1fx", "", "3:x", "it's", "BilledCost"])
texts = st.none() | st.text("ab=\x1f'1:", min_size=1, max_size=6)


@pytest.fixture(scope="module")
def preparer() -> Iterator[Preparer]:
    preparer = Preparer()
    yield preparer
    preparer.close()


def hashes(preparer: Preparer, *rows: Cells) -> list[Any]:
    return preparer.prepare(as_table(rows), 0).charges.column("_content").to_pylist()


def in_parts(preparer: Preparer, *rows: Cells) -> list[Any]:
    """The hash of each row, each one in a part of its own."""
    return [hashes(preparer, row)[0] for row in rows]


@given(st.lists(st.dictionaries(names.filter(lambda n: n != "BilledCost"), texts), min_size=1))
def test_equal_hashes_are_equal_cells(preparer: Preparer, rows: list[Cells]) -> None:
    contents = [frozenset((n, c) for n, c in row.items() if c is not None) for row in rows]
    told = hashes(preparer, *[{"x_always": None, **row} for row in rows])
    for content, digest in zip(contents, told, strict=True):
        same = [other == content for other in contents]
        assert [other == digest for other in told] == same


AMOUNTS = {
    "one and a half": (["1.5", "1.50", "15E-1", "+1.5", "1.50000000000000000000000000"], "1e-30"),
    "zero": (["0", "0.00", "-0", "0e9"], "1e-38"),
    "fine": (["1e-24", "0.0000000000000000000000010", "0.000000000000000000000001"], "1e-38"),
    "at the edge": (["-1e-18", "-0.0000000000000000010", "-0.00000000000000000100"], "1e-38"),
    "all nines": (["0.999999999999999999999999"], "1e-38"),
    "large": (["12345678901234567", "12345678901234567.000"], "0.5"),
}


@pytest.mark.parametrize(("spellings", "finer"), AMOUNTS.values(), ids=AMOUNTS)
def test_spelling_and_scale_of_an_amount_make_no_difference(
    preparer: Preparer, spellings: list[str], finer: str
) -> None:
    """`finer` stands in the same part, so that all of it has more digits after the point."""
    rows: list[Cells] = [{"BilledCost": text} for text in spellings]
    (digest,) = set(in_parts(preparer, *rows))
    mixed = hashes(preparer, *rows, {"BilledCost": finer})
    assert mixed[:-1] == [digest] * len(rows)
    assert mixed[-1] != digest


@pytest.mark.parametrize(
    "amount",
    [
        "99999999999999.999999999999999999999999",
        "-99999999.999999999999999999999999999999",
        "0.9999999999999999995",
        "0." + "9" * 38,
        "9" * 20 + "." + "9" * 18,
    ],
)
def test_amount_of_38_digits_has_one_hash_wherever_it_stands(
    preparer: Preparer, amount: str
) -> None:
    alone = hashes(preparer, {"BilledCost": amount})
    assert hashes(preparer, {"BilledCost": amount}, {"BilledCost": "0"})[0] == alone[0]
    assert hashes(preparer, {"BilledCost": "0"}, {"BilledCost": amount})[1] == alone[0]


def test_different_amounts_differ(preparer: Preparer) -> None:
    amounts = ["0", "1", "10", "100", "0.1", "0.01", "-1", "1e-18", "1e-19", "1e-24", "1e-38", None]
    told = in_parts(preparer, *[{"BilledCost": amount, "x": "a"} for amount in amounts])
    assert len(set(told)) == len(amounts)


def test_times_are_compared_as_instants(preparer: Preparer) -> None:
    same = ["2024-09-01T00:00:00Z", "2024-09-01 02:00:00+02:00", "2024-09-01", "2024-09-01T00:00Z"]
    rows: list[Cells] = [{"ChargePeriodStart": text} for text in same]
    assert len(set(in_parts(preparer, *rows))) == 1
    assert in_parts(preparer, {"ChargePeriodStart": "2024-09-01T00:00:00.001Z"}) != in_parts(
        preparer, rows[0]
    )


def test_dimensions_are_all_cells_but_amounts(preparer: Preparer) -> None:
    rows = [a_charge(), a_charge(BilledCost="7", ListCost=None), a_charge(ServiceName="x")]
    told = preparer.prepare(as_table(rows), 0).charges.column("_dimensions").to_pylist()
    assert told[0] == told[1] != told[2]


def test_hashes_stay_the_same_in_every_version(preparer: Preparer) -> None:
    """Those of stored charges are never computed again."""
    cells: Cells = {
        "BilledCost": "1e-20",
        "ListCost": "1.50",
        "ChargePeriodStart": "2024-09-01 02:00:00+02:00",
        "Tags": '{"b": "2", "a": "1"}',
        "x_Note": "a\x1fb",
        "x_None": None,
    }
    amounts = {
        "BilledCost": (10**4).to_bytes(16, "little") + bytes([24]),
        "ListCost": (15 * 10**17).to_bytes(16, "little") + bytes([18]),
    }
    dimensions = {
        "ChargePeriodStart": b"1725148800000",
        "Tags": b'{"a":"1","b":"2"}',
        "x_Note": b"a\x1fb",
    }
    part = preparer.prepare(as_table([cells]), 0).charges
    assert number(part.column("_content")[0]) == by_hand(amounts | dimensions)
    assert number(part.column("_dimensions")[0]) == by_hand(dimensions)


def number(hashed: pa.Scalar) -> int:
    return int.from_bytes(hashed.as_py(), "little")


def by_hand(cells: dict[str, bytes]) -> int:
    told = (f"{len(name)}:{name}=".encode() + value for name, value in cells.items())
    return sum(int.from_bytes(hashlib.md5(cell).digest(), "little") for cell in told) % 2**128  # noqa: S324


def test_rows_are_numbered_through_the_parts_and_keep_their_number(preparer: Preparer) -> None:
    rows = [a_charge(), a_charge(BilledCost="x"), a_charge()]
    part = preparer.prepare(as_table(rows), 2)
    first = 2 * ROWS_OF_PART
    assert part.charges.column("_row").to_pylist() == [first, first + 2]
    assert [row["line"] for row in part.quarantine] == [first + 1]
    assert part.refused.column("BilledCost").to_pylist() == ["x"]


@pytest.mark.parametrize(
    ("cells", "period"),
    [
        ({"BillingPeriodStart": "2024-09-01T07:00:00Z"}, "2024-09-01T07:00:00Z"),
        ({"ChargePeriodStart": "2024-09-17T13:00:00Z"}, "2024-09-01T00:00:00Z"),
        ({"BillingPeriodStart": None, "ChargePeriodStart": None, "x": "1"}, ""),
        ({"x": "1"}, ""),
    ],
)
def test_period_is_the_billing_period_else_the_month_of_use(
    preparer: Preparer, cells: Cells, period: str
) -> None:
    part = preparer.prepare(as_table([cells]), 0).charges
    assert part.column("_period").to_pylist() == [period]


def test_part_without_rows_is_prepared(preparer: Preparer) -> None:
    empty = as_table([], ["BilledCost", "Tags", "x"])
    assert preparer.prepare(empty, 0).charges.num_rows == 0
    assert isinstance(empty, pa.Table)
