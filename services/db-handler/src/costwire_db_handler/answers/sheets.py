"""Answers as documents and as sheets: JSON, CSV, Arrow. Amounts are exact text in each of them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

import pyarrow as pa

from costwire_db_handler.answers.changes import ChangedGroup, ChangesAnswer, Part
from costwire_db_handler.answers.costs import CostsAnswer
from costwire_db_handler.answers.grouping import Total
from costwire_db_handler.answers.invoices import Compared, Invoice, InvoicesAnswer
from costwire_focus.canonical import canonical_text, subtract
from costwire_focus.csv_line import csv_line
from costwire_runtime.accept import preferred

Json = dict[str, object]
Cell = str | int | None


class Form(StrEnum):
    """In which an answer is told: its media type."""

    JSON = "application/json"
    CSV = "text/csv"
    ARROW = "application/vnd.apache.arrow.stream"


def wanted_form(accept: str | None) -> Form:
    """The form that a request accepts; JSON where it does not say. Raises `NotAcceptable`."""
    return Form(preferred(accept, [*Form]))


@dataclass(frozen=True)
class Sheet:
    """Rows under named columns."""

    columns: Sequence[str]
    rows: Sequence[Sequence[Cell]]

    def to_csv(self) -> bytes:
        """UTF-8, one line a row; an empty cell is null, an empty text a quoted one."""
        return "".join(map(csv_line, (self.columns, *self.rows))).encode()

    def to_arrow(self) -> bytes:
        """An Arrow IPC stream; whole numbers are numbers, all else is text."""
        cells = list(zip(*self.rows, strict=True)) or [()] * len(self.columns)
        arrays = [
            pa.array(column, pa.int64() if _whole(name, column) else pa.string())
            for name, column in zip(self.columns, cells, strict=True)
        ]
        sink = pa.BufferOutputStream()
        table = pa.Table.from_arrays(arrays, names=list(self.columns))
        with pa.ipc.new_stream(sink, table.schema) as writer:
            writer.write_table(table)
        return bytes(sink.getvalue())


_COUNTS = frozenset({"charges", "added", "removed"})


def _whole(name: str, column: Sequence[Cell]) -> bool:
    return name in _COUNTS and not any(isinstance(cell, str) for cell in column)


def text(amount: Decimal | None) -> str | None:
    """An amount as answers tell it."""
    return None if amount is None else canonical_text(amount)


def texts(sums: Mapping[str, Decimal | None]) -> dict[str, str | None]:
    """Amounts by metric."""
    return {name: text(amount) for name, amount in sums.items()}


def costs_document(answer: CostsAnswer, following: str | None) -> Json:
    """The JSON document of an answer of costs; `following` is the address of the next page."""
    converted = answer.converted

    def told(number: int, row: Total) -> Json:
        document: Json = {
            "by": dict(zip(answer.by, row.group, strict=True)),
            "currency": row.currency,
            "charges": row.charges,
            "sums": texts(row.sums),
        }
        if converted is not None:
            document["converted"] = texts(converted.rows[number])
        return document

    document: Json = {
        "table": answer.table,
        "asOf": answer.moment.told(),
        "by": answer.by,
        "metrics": answer.metrics,
        "rows": [told(number, row) for number, row in enumerate(answer.rows)],
        "totals": {
            total.currency: {"charges": total.charges, "sums": texts(total.sums)}
            for total in answer.totals
        },
        "next": following,
    }
    if converted is not None:
        document["in"] = {
            "currency": converted.currency,
            "total": texts(converted.total),
            "rates": [rate.told() for rate in converted.rates],
        }
    return document


def costs_sheet(answer: CostsAnswer) -> Sheet:
    """The rows of an answer of costs."""
    columns = [*answer.by, "currency", "charges", *answer.metrics]
    rows: list[list[Cell]] = [
        [*row.group, row.currency, row.charges, *texts(row.sums).values()] for row in answer.rows
    ]
    if answer.converted is not None:
        columns += [f"{name} in {answer.converted.currency}" for name in answer.metrics]
        for row, sums in zip(rows, answer.converted.rows, strict=True):
            row += texts(sums).values()
    return Sheet(columns, rows)


def changes_document(answer: ChangesAnswer, following: str | None) -> Json:
    """The JSON document of an answer of changes."""
    return {
        "table": answer.table,
        "from": answer.begin.told(),
        "to": answer.end.told(),
        "by": answer.by,
        "metrics": answer.metrics,
        "rows": [
            {
                "by": dict(zip(answer.by, row.group, strict=True)),
                "currency": row.currency,
                **_sums(row.before, row.after),
                "changes": _parts(row),
            }
            for row in answer.rows
        ],
        "totals": {
            balance.currency: {
                **_sums(balance.before, balance.after),
                "changes": {kind.value: _part(part) for kind, part in balance.parts.items()},
            }
            for balance in answer.balances
        },
        "next": following,
    }


def invoices_document(answer: InvoicesAnswer, following: str | None) -> Json:
    """The JSON document of an answer of invoices."""
    document: Json = {
        "table": answer.table,
        "asOf": answer.moment.told(),
        "invoices": [
            {
                **_invoice(row.invoice),
                "charges": row.charges,
                "billed": text(row.amount),
                "history": [
                    {
                        **each.moment.told(),
                        "charges": each.charges,
                        "billed": text(each.amount),
                    }
                    for each in row.billed
                ],
            }
            for row in answer.rows
        ],
        "next": following,
    }
    if answer.compared is not None:
        document["compared"] = [
            {
                **_invoice(each.listed.invoice),
                "line": each.listed.line,
                "total": text(each.listed.total),
                "charges": each.charges,
                "billed": text(each.billed),
                "difference": text(each.difference),
            }
            for each in answer.compared
        ]
        document["unlisted"] = [
            {**_invoice(row.invoice), "charges": row.charges, "billed": text(row.amount)}
            for row in answer.unlisted
        ]
    return document


def invoices_sheet(answer: InvoicesAnswer) -> Sheet:
    """The invoices, or, where a list was sent, its lines and the invoices that it lacks."""
    names = ["InvoiceId", "InvoiceIssuerName", "BillingCurrency", "BillingMonth", "charges"]
    if answer.compared is None:
        rows: list[list[Cell]] = [
            [*row.invoice, row.charges, text(row.amount)] for row in answer.rows
        ]
        return Sheet([*names, "billed"], rows)
    rows = [
        [*each.listed.invoice, each.charges, *map(text, _compared(each))]
        for each in answer.compared
    ]
    rows += [[*row.invoice, row.charges, text(row.amount), None, None] for row in answer.unlisted]
    return Sheet([*names, "billed", "total", "difference"], rows)


def _compared(each: Compared) -> tuple[Decimal, Decimal, Decimal]:
    return each.billed, each.listed.total, each.difference


def _invoice(invoice: Invoice) -> Json:
    return {
        "invoiceId": invoice.id,
        "issuer": invoice.issuer,
        "currency": invoice.currency,
        "month": invoice.month,
    }


def _sums(before: Mapping[str, Decimal], after: Mapping[str, Decimal]) -> Json:
    return {
        name: {
            "before": text(before[name]),
            "after": text(after[name]),
            "difference": text(subtract(after[name], before[name])),
        }
        for name in before
    }


def _parts(row: ChangedGroup) -> Json:
    return {kind.value: _part(part) for kind, part in row.parts.items()}


def _part(part: Part) -> Json:
    return {
        "added": part.added,
        "removed": part.removed,
        "difference": texts(part.differences),
        **({"columns": dict(part.columns)} if part.columns else {}),
    }


def changes_sheet(answer: ChangesAnswer) -> Sheet:
    """The rows of an answer of changes: one for each group and reason."""
    columns = [*answer.by, "currency", "change", "added", "removed"]
    columns += [f"{name} difference" for name in answer.metrics] + ["columns"]
    rows: list[list[Cell]] = [
        [
            *row.group,
            row.currency,
            kind.value,
            part.added,
            part.removed,
            *texts(part.differences).values(),
            json.dumps(dict(part.columns)) if part.columns else None,
        ]
        for row in answer.rows
        for kind, part in row.parts.items()
    ]
    return Sheet(columns, rows)
