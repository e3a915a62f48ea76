"""Whatever bytes come as a report: refused with a reason, or every row is accounted for."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import zipfile
from collections.abc import Callable
from contextlib import suppress
from functools import cache

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st
from tests.support.fuzz import FUZZED, Mutation, mutated, mutations
from tests.support.reports import CHARGE

from costwire_focus.amounts import CostSums
from costwire_focus.canonical import exact_sum
from costwire_focus.errors import FocusError
from costwire_focus.readers import open_report
from costwire_focus.reconcile import disagreement
from costwire_focus.rules import Validator

ROWS = [
    CHARGE | {"ResourceId": f"disk-{number}", "Tags": '{"team": "ops, \\"b\\""}', "x_note": "é\n"}
    for number in range(12)
]
BLOCK_SIZES = st.sampled_from([1, 200, 1 << 20])
SIGNATURES = st.sampled_from(
    (
        *(b"", b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff", b"\x1f\x8b\x08\x00", b"\x28\xb5\x2f\xfd"),
        *(b"PK\x03\x04", b"PAR1", b"BZh9", b"Obj\x01", b"[", b"{", b'{"BilledCost":', b"<html>"),
        *(b"BilledCost,BillingCurrency\n", b"BilledCost;ServiceName\r\n", b'"BilledCost"\t'),
    )
)
CHANGES = mutations(
    *(b'"', b",", b";", b"\t", b"\n", b"\r", b"\r\n", b"\0", b"\xff", b"\xef\xbb\xbf", b"\\"),
    *(b"1e999999999", b"NaN", b"9" * 60, b"BilledCost", b"[[[[", b"{}", b"null", b"]", b"}"),
)


def _csv(separator: str, encoding: str) -> bytes:
    lines = [list(ROWS[0]), *(list(row.values()) for row in ROWS)]
    quoted = (['"' + cell.replace('"', '""') + '"' for cell in line] for line in lines)
    return "".join(f"{separator.join(line)}\n" for line in quoted).encode(encoding)


def _zipped(data: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("bill.csv", data)
    return file.getvalue()


def _parquet() -> bytes:
    file = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(ROWS), file, compression="zstd")
    return file.getvalue()


FORMS: dict[str, Callable[[], bytes]] = {
    "csv": lambda: _csv(",", "utf-8"),
    "semicolons": lambda: _csv(";", "utf-8-sig"),
    "utf-16": lambda: _csv("\t", "utf-16"),
    "gzip": lambda: gzip.compress(_csv(",", "utf-8"), mtime=0),
    "zstd": lambda: zstandard.compress(_csv(",", "utf-8")),
    "bzip2": lambda: bz2.compress(_csv(",", "utf-8")),
    "zip": lambda: _zipped(_csv(",", "utf-8")),
    "json": lambda: json.dumps(ROWS).encode(),
    "ndjson": lambda: "".join(f"{json.dumps(row)}\n" for row in ROWS).encode(),
    "parquet": _parquet,
}
whole = cache(lambda form: FORMS[form]())


def assert_accounted(data: bytes, size: int) -> tuple[int, int]:
    """Rows that would be published, and rows set aside; raises what the readers raise."""
    report = open_report(io.BytesIO(data), "part", batch_bytes=size)
    validator = Validator(report.names, "1.0", file="part")
    published, records, uncut, sums, aside = 0, 0, [], CostSums(), []
    for batch in report.batches():
        checked = validator.check(batch)
        records += batch.charges.num_rows + len(batch.unusable)
        published += checked.charges.num_rows
        aside += checked.unusable
        uncut += batch.unusable
        sums.add(batch.charges)
    assert records == published + len(aside)
    assert all(row.rule and row.reason for row in aside)
    costs = (sums.get(currency, "BilledCost") for currency in sums.currencies())
    billed = exact_sum(cost for cost in costs if cost is not None)
    assert disagreement(records, billed, uncut, report.recount()) is None
    return published, len(aside)


@pytest.mark.parametrize("form", [form for form in FORMS if form != "bzip2"])
def test_report_of_each_form_is_whole(form: str) -> None:
    assert assert_accounted(whole(form), 200) == (len(ROWS), 0)


@pytest.mark.parametrize("form", FORMS)
def test_damaged_report_is_refused_or_every_row_is_accounted_for(form: str) -> None:
    @FUZZED
    @given(CHANGES, BLOCK_SIZES)
    def damage(changes: list[Mutation], size: int) -> None:
        with suppress(FocusError):
            assert_accounted(mutated(whole(form), changes), size)

    damage()


@FUZZED
@given(SIGNATURES, st.binary(max_size=400), BLOCK_SIZES)
def test_any_bytes_are_refused_or_every_row_is_accounted_for(
    signature: bytes, rest: bytes, size: int
) -> None:
    with suppress(FocusError):
        assert_accounted(signature + rest, size)
