"""Exports on each engine: every cell of a past state comes back, in both kinds of file."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pyarrow.parquet as pq
import pytest
from tests.factories import Charge, a_charge, a_report, charges

from costwire_db_handler.answers.export import Export, ExportQuestion, Form, prepared, written
from costwire_db_handler.errors import BadQuestion

Shop = Any
HARD = [
    a_charge(ResourceId="a", BilledCost="0.100", Tags='{"env": "dev", "a.b": "1"}'),
    a_charge(ResourceId='quo"te, and\nline', BilledCost="-1e-18", EffectiveCost=None),
    a_charge(ResourceId="ünï", BilledCost="12345678901234.123456789012345678", ServiceName=None),
    a_charge(ResourceId="late", ChargePeriodStart="2024-09-01T10:20:30.125Z"),
    a_charge(ResourceId="twice", x_Own="  kept  "),
    a_charge(ResourceId="twice", x_Own="  kept  "),
]


@pytest.fixture
def fresh(lasting_shop: Callable[[], tuple[Shop, str]]) -> tuple[Shop, str]:
    """A store, and a table of it that nobody has used."""
    shop, table = lasting_shop()
    shop.now += timedelta(days=1)
    return shop, table


def export(shop: Shop, table: str, **asked: str) -> tuple[Export, bytes]:
    """What is exported, and the file."""
    question = ExportQuestion.read([("table", table), *asked.items()])
    with shop.store.versions(table) as versions:
        told = prepared(versions, question, shop.now)
        return told, b"".join(written(versions, told, question.form))


def rows_of(form: str, file: bytes) -> list[dict[str, str | None]]:
    """The rows of a file, empty cells null."""
    if form == Form.CSV:
        rows = csv.DictReader(io.StringIO(file.decode(), newline=""))
        return [{name: cell or None for name, cell in row.items()} for row in rows]
    return pq.read_table(io.BytesIO(file)).to_pylist()


@pytest.mark.parametrize("form", list(Form))
def test_report_that_was_exported_changes_nothing(fresh: tuple[Shop, str], form: Form) -> None:
    shop, table = fresh
    first = shop.deliver(a_report(HARD, table=table))
    shop.deliver(a_report([*HARD, *charges(3)], table=table).generated(hours=1))

    told, file = export(shop, table, as_of=str(first.commit), format=form)

    rows = rows_of(form, file)
    assert told.charges == len(rows) == len(HARD)
    texts = [{name: _as_delivered(cell) for name, cell in row.items()} for row in rows]
    again = shop.deliver(a_report(texts, table=table + "_copy"))
    assert (again.rows.stored, again.balanced) == (len(HARD), True)
    twin = shop.deliver(a_report(HARD, table=table + "_copy").generated(hours=1))
    assert (twin.rows.added, twin.rows.removed, twin.rows.unchanged) == (0, 0, len(HARD))


def _as_delivered(cell: object) -> str | None:
    """A cell of a parquet file as the reader of reports gives it."""
    if cell is None or isinstance(cell, str):
        return cell
    return f"{cell:f}" if isinstance(cell, Decimal) else str(cell)


def test_cells_are_told_as_they_came(fresh: tuple[Shop, str]) -> None:
    shop, table = fresh
    shop.deliver(a_report(HARD, table=table))

    _, file = export(shop, table)

    rows = rows_of("csv", file)
    names = {name for row in HARD for name in row}
    assert set(rows[0]) == names  # columns that are empty throughout are left out
    assert _counted(rows) == _counted([{n: row.get(n) for n in names} for row in HARD])


def _counted(rows: list[Charge] | list[dict[str, str | None]]) -> Counter[Any]:
    return Counter(frozenset((n, _plain(n, cell)) for n, cell in row.items()) for row in rows)


def _plain(name: str, cell: str | None) -> object:
    return Decimal(cell) if cell is not None and name.endswith("Cost") else cell


def test_export_can_be_narrowed(fresh: tuple[Shop, str]) -> None:
    shop, table = fresh
    shop.deliver(a_report(charges(3), table=table))
    shop.deliver(a_report(charges(2, ServiceName="Other"), table=table, source="azure"))

    assert export(shop, table, source="azure")[0].charges == 2
    assert export(shop, table, source="aws", filter="ResourceId = 'disk-1'")[0].charges == 1
    nothing, file = export(shop, table, as_of="2001-01-01")
    assert (nothing.charges, rows_of("csv", file)) == (0, [])
    with pytest.raises(BadQuestion, match="the table has charges of aws, azure"):
        export(shop, table, source="gcp")
    with pytest.raises(BadQuestion, match="one of csv, parquet"):
        export(shop, table, format="xlsx")
