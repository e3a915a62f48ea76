"""Sheets of quarantined rows: what is written is what is read, and what is wrong is told."""

from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from costwire_focus.repairs import (
    RAW,
    REASON,
    ROW,
    NotASheet,
    Sheet,
    SheetRow,
    cut,
    read_sheet,
    write_sheet,
)

COLUMNS = ["BilledCost", "BillingCurrency", "ServiceName", "x_Note"]
TEXTS = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\0\r"), min_size=1, max_size=20
) | st.sampled_from(["NULL", "null"])


def read(text: str, declared: tuple[str, ...] = ()) -> Sheet:
    return read_sheet(io.BytesIO(text.encode()), COLUMNS, "1.0", declared)


@given(st.lists(st.dictionaries(st.sampled_from(COLUMNS[2:]), TEXTS), max_size=5), st.booleans())
def test_cells_come_back_as_they_were_written(cells: list[dict[str, str]], raw: bool) -> None:
    rows = [
        SheetRow(str(number), "CW-X: why", {**each, "BilledCost": "1.50"}, 'a,"b')
        for number, each in enumerate(cells, 1)
    ]
    sheet = read("".join(write_sheet(COLUMNS, rows, raw=raw)))
    assert sheet.rows == [row.row for row in rows]
    assert sheet.broken == []
    told = [{n: c for n, c in row.items() if c is not None} for row in sheet.charges.to_pylist()]
    assert told == [row.cells for row in rows]


def test_columns_may_stand_in_any_order() -> None:
    sheet = read(f"x_Note,ServiceName,{ROW},BilledCost,BillingCurrency\nn,S,4,2,EUR\n")
    assert sheet.charges.column_names == COLUMNS
    assert sheet.charges.to_pylist()[0]["BillingCurrency"] == "EUR"
    assert (sheet.rows, sheet.lines) == (["4"], [2])


def test_every_broken_row_is_told_with_its_line() -> None:
    head = ",".join([ROW, REASON, *COLUMNS])
    sheet = read(f"{head}\n1,,abc,USD,S,\n2,,1,USD\n,,1,USD,S,\n3,,1,USD,S,\n3,,2,USD,S,\n")
    assert [(each.row, each.line, each.column, each.rule) for each in sheet.broken] == [
        ("1", 2, "BilledCost", "CW-AmountUnreadable"),
        (None, 3, None, "CW-FieldCount"),
        (None, 4, ROW, None),
        ("3", 6, ROW, None),
    ]


def test_a_column_of_the_report_may_not_be_one_of_the_sheet() -> None:
    with pytest.raises(NotASheet, match=RAW):
        next(write_sheet([RAW], [], raw=False))


@pytest.mark.parametrize(
    ("raw", "cells"),
    [
        (b'1.5,"a,b"', {"BilledCost": "1.5", "BillingCurrency": "a,b"}),
        (b"1,,NULL,\xff,too,many", {"BilledCost": "1", "x_Note": "\ufffd"}),
        (b"", {}),
        (b"1\0,USD", {"BilledCost": "1", "BillingCurrency": "USD"}),
        (b"1,5;USD;", {"BilledCost": "1,5", "BillingCurrency": "USD"}),
        (b'{"BilledCost": 1.50, "Other": 1, "x_Note": null}', {"BilledCost": "1.50"}),
        (b'{"BilledCost": 1, "x_Note": "NULL"}', {"BilledCost": "1", "x_Note": "NULL"}),
        (
            b'1,USD,"' + b"x" * 200_000,
            {"BilledCost": "1", "BillingCurrency": "USD", "ServiceName": "x" * 200_000},
        ),
        (b'{"BilledCost": 1, "x_Note": ' + b"[" * 600 + b"]" * 600 + b"}", {"BilledCost": "1"}),
    ],
    ids=[
        "short",
        "long",
        "empty",
        "nul",
        "semicolons",
        "JSON",
        "JSON text NULL",
        "long cell",
        "deep JSON",
    ],
)
def test_a_torn_row_is_cut_as_far_as_it_goes(raw: bytes, cells: dict[str, str]) -> None:
    assert cut(raw, COLUMNS) == cells
