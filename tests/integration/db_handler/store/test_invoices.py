"""Invoices on each engine: what each adds up to as of each delivery, and against a list."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from tests.factories import OCTOBER, a_charge, a_report

from costwire_db_handler.answers.invoices import (
    Invoice,
    InvoicesAnswer,
    InvoicesQuestion,
    Listed,
    invoices,
    read_list,
)
from costwire_db_handler.errors import BadInvoices, BadQuestion

Shop = Any
LIST = "InvoiceId,InvoiceIssuerName,BillingCurrency,BillingMonth,BilledCost\n"


@pytest.fixture
def fresh(lasting_shop: Callable[[], tuple[Shop, str]]) -> tuple[Shop, str]:
    """A store, and a table of it that nobody has used."""
    shop, table = lasting_shop()
    shop.now += timedelta(days=1)
    return shop, table


def billed(number: str | None, cost: str, **changes: str | None) -> dict[str, str | None]:
    """A charge of an invoice."""
    told = {"InvoiceId": number, "InvoiceIssuerName": "Acme", "BilledCost": cost}
    return a_charge(ResourceId=f"{number}/{cost}", **{**told, **changes})


def ask(
    shop: Shop, table: str, listed: Sequence[Listed] | None = None, **asked: str
) -> InvoicesAnswer:
    """Ask the store."""
    question = InvoicesQuestion.read([("table", table), *asked.items()])
    with shop.store.versions(table) as versions:
        return invoices(versions, question, shop.now, listed)


def test_invoices_are_told_as_of_each_delivery(fresh: tuple[Shop, str]) -> None:
    shop, table = fresh
    rows = [billed("I-1", "10.005"), billed("I-1", "0.1"), billed(None, "3")]
    rows += [billed("I-1", "7") | OCTOBER, billed("I-1", "5", BillingCurrency="EUR")]
    first = shop.deliver(a_report(rows, table=table))
    shop.deliver(a_report([*rows, billed("I-2", "1")], table=table).generated(hours=1))
    rows[1] = billed("I-1", "0.2")
    third = shop.deliver(a_report([*rows, billed("I-2", "1")], table=table).generated(hours=2))

    answer = ask(shop, table)

    assert [(row.invoice, row.charges, row.amount) for row in answer.rows] == [
        (Invoice("I-1", "Acme", "EUR", "2024-09"), 1, Decimal(5)),
        (Invoice("I-1", "Acme", "USD", "2024-09"), 2, Decimal("10.205")),
        (Invoice("I-1", "Acme", "USD", "2024-10"), 1, Decimal(7)),
        (Invoice("I-2", "Acme", "USD", "2024-09"), 1, Decimal(1)),
        (Invoice(None, "Acme", "USD", "2024-09"), 1, Decimal(3)),
    ]
    history = answer.rows[1].billed
    assert [(each.moment.commit, each.amount) for each in history] == [
        (first.commit, Decimal("10.105")),
        (third.commit, Decimal("10.205")),
    ]
    earlier = ask(shop, table, as_of=str(first.commit))
    assert [row.amount for row in earlier.rows] == [5, Decimal("10.105"), 7, 3]
    assert [row.amount for row in ask(shop, table, **{"from": "2024-10"}).rows] == [7]


def test_charges_that_left_an_invoice_count_no_more(fresh: tuple[Shop, str]) -> None:
    shop, table = fresh
    shop.deliver(a_report([billed("I-1", "1"), billed("I-2", "2")], table=table))
    moved = [billed("I-1", "1"), billed("I-2", "2", InvoiceId="I-3")]
    second = shop.deliver(a_report(moved, table=table).generated(hours=1))
    if second.reason:
        shop.store.accept(second.commit, shop.tick)

    rows = {row.invoice.id: row for row in ask(shop, table).rows}

    assert (rows["I-2"].charges, rows["I-2"].amount) == (0, 0)
    assert [each.charges for each in rows["I-2"].billed] == [1, 0]
    assert rows["I-3"].amount == 2


def test_list_of_totals_shows_a_difference_of_a_cent(fresh: tuple[Shop, str]) -> None:
    shop, table = fresh
    rows = [billed("I-1", "10.005"), billed("I-1", "0.005"), billed("I-2", "2"), billed("I-4", "4")]
    rows += [billed("I-3", "3"), billed("I-3", "1") | OCTOBER, billed(None, "9")]
    shop.deliver(a_report(rows, table=table))
    listed = read_list(
        (
            LIST + "I-1,Acme,USD,2024-09,10.00\nI-2,,USD,,2.00\nI-3,Acme,USD,,4\nI-9,,USD,,1\n"
        ).encode()
    )

    answer = ask(shop, table, listed)

    assert answer.compared is not None
    told = [(each.listed.invoice.id, each.billed, each.difference) for each in answer.compared]
    assert told == [
        ("I-1", Decimal("10.01"), Decimal("0.01")),
        ("I-2", 2, 0),
        ("I-3", 4, 0),
        ("I-9", 0, -1),
    ]
    assert [row.invoice.id for row in answer.unlisted] == ["I-4"]


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("InvoiceId,BilledCost\n", 1, "the header lacks BillingCurrency"),
        (LIST + ",,USD,,1\n", 2, "has an InvoiceId"),
        (LIST + "I,,USD,2024,1\n", 2, "no month"),
        (LIST + "I,,USD,,ten\n", 2, "no amount"),
        (LIST + "I,,USD,,1\nI,,USD,,1\n", 3, "same invoice as line 2"),
        (LIST + 'I,,USD,,"1\n', 2, "unexpected end of data"),
    ],
)
def test_list_that_cannot_be_read_names_the_line(text: str, line: int, said: str) -> None:
    with pytest.raises(BadInvoices, match=said) as refused:
        read_list(text.encode())

    assert refused.value.extensions["line"] == line


def test_table_without_invoices_says_so(fresh: tuple[Shop, str]) -> None:
    shop, table = fresh
    shop.deliver(a_report([a_charge()], table=table))

    with pytest.raises(BadQuestion, match="no column InvoiceId"):
        ask(shop, table)
