"""Answers of `/costs`: read, put together, and held against their own totals."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.aggregator.costs.made_up import OCTOBER, amounts

from costwire_aggregator.costs.amounts import Amounts, told, total
from costwire_aggregator.costs.bill import BillInParts, Page, read_page
from costwire_aggregator.costs.errors import BillTooLarge, BillUnsound, HandlerRefused
from costwire_aggregator.costs.model import AsOf, Resource, Said
from costwire_aggregator.costs.questions import COLUMNS

AS_OF = {"state": 3, "commit": 2, "at": "2026-11-01T06:00:00Z", "delivery": "ab"}
Rows = Sequence[tuple[Sequence[str | None], Amounts]]


def an_answer(
    rows: Rows,
    names: Sequence[str] = COLUMNS,
    *,
    totals: Amounts | None = None,
    charges: Mapping[str, int] | None = None,
    following: str | None = None,
) -> dict[str, Any]:
    """As the handler tells it: each row of one charge; sound, unless told otherwise."""
    told_rows: list[dict[str, Any]] = [
        {
            "by": dict(zip(names, group, strict=True)),
            "currency": currency,
            "charges": 1,
            "sums": sums,
        }
        for group, cost in rows
        for currency, sums in told(cost).items()
    ]
    counts = charges or Counter(row["currency"] for row in told_rows)
    sums = told(total(cost for _, cost in rows) if totals is None else totals)
    return {
        "table": "charges",
        "asOf": AS_OF,
        "by": list(names),
        "metrics": ["BilledCost", "EffectiveCost"],
        "rows": told_rows,
        "totals": {code: {"charges": counts.get(code, 0), "sums": of} for code, of in sums.items()},
        "next": following,
    }


def a_page(rows: Rows, names: Sequence[str] = COLUMNS, **more: Any) -> Page:
    return read_page(json.dumps(an_answer(rows, names, **more)).encode())


def in_parts(most: int = 100, columns: Sequence[str] = COLUMNS) -> BillInParts:
    return BillInParts("charges", OCTOBER, columns, most)


def test_rows_of_one_resource_are_one_resource() -> None:
    parts = in_parts()
    parts.add_charges(
        a_page(
            [
                (["disk-1", "data", "111", "eu-1"], amounts("1.5", "1")),
                (["disk-1", None, "111", "eu-1"], amounts("0.25", None)),
                (["disk-1", "data", "111", "eu-1"], amounts("9", "9", "EUR")),
            ]
        )
    )
    bill = parts.whole()
    assert bill.resources == [
        Resource(
            "disk-1",
            {**amounts("1.75", "1"), **amounts("9", "9", "EUR")},
            [Said(None, "111", "eu-1"), Said("data", "111", "eu-1")],
            {},
        )
    ]
    assert bill.totals == {**amounts("1.75", "1"), **amounts("9", "9", "EUR")}
    assert bill.as_of == AsOf(3, 2, "2026-11-01T06:00:00Z")


def test_pages_are_one_bill() -> None:
    parts = in_parts()
    whole: dict[str, Any] = {"totals": amounts("3", "3"), "charges": {"USD": 2}}
    first = a_page([(["a", None, None, None], amounts("1", "1"))], following="/x", **whole)
    last = a_page([(["b", None, None, None], amounts("2", "2"))], **whole)
    assert (first.is_last, last.is_last) == (False, True)
    parts.add_charges(first)
    parts.add_charges(last)
    assert [one.id for one in parts.whole().resources] == ["a", "b"]


@pytest.mark.parametrize("resource", [None, "", "  "])
def test_charges_without_a_resource_stay_apart(resource: str | None) -> None:
    parts = in_parts()
    parts.add_charges(a_page([([resource, "x", None, None], amounts("2"))]))
    bill = parts.whole()
    assert (bill.resources, bill.without_resource) == ([], amounts("2"))


def test_columns_that_a_table_lacks_say_nothing() -> None:
    parts = in_parts(columns=["ResourceId", "RegionId"])
    parts.add_charges(a_page([(["a", "eu-1"], amounts())], ["ResourceId", "RegionId"]))
    (resource,) = parts.whole().resources
    assert resource.said == [Said(region="eu-1")]


def test_table_without_resources_is_a_bill_of_none() -> None:
    parts = in_parts(columns=[])
    parts.add_charges(a_page([([], amounts())], []))
    bill = parts.whole()
    assert (bill.resources, bill.without_resource) == ([], amounts())


def test_tags_are_gathered_and_their_amounts_are_not() -> None:
    parts, names = in_parts(), ["ResourceId", "Tags.one", "Tags.two"]
    parts.add_charges(a_page([(["a", None, None, None], amounts("2"))]))
    rows: Rows = [
        (["a", "x", None], amounts("1")),
        (["a", "y", ""], amounts("1")),
        ([None, "z", "z"], amounts("8")),
    ]
    parts.add_tags(a_page(rows, names), ["one", "two"])
    bill = parts.whole()
    (resource,) = bill.resources
    assert resource.tags == {"one": frozenset({"x", "y"})}
    assert bill.totals == amounts("2")


@pytest.mark.parametrize(
    "totals",
    [amounts("2.000000000000000000000000000001"), amounts("2", "0"), amounts("2", None, "EUR"), {}],
    ids=["a digit", "null is no zero", "currency", "none"],
)
def test_bill_whose_parts_are_not_its_totals_is_none(totals: Amounts) -> None:
    parts = in_parts()
    parts.add_charges(a_page([(["a", None, None, None], amounts("2"))], totals=totals))
    with pytest.raises(BillUnsound, match="read charges of 2026-10: its parts do not add up"):
        parts.whole()


def test_bill_that_lost_a_charge_of_no_cost_is_none() -> None:
    parts = in_parts()
    row = (["a", None, None, None], amounts("2"))
    parts.add_charges(a_page([row], charges={"USD": 2}))
    with pytest.raises(BillUnsound, match="it has 1 charges, and says 2"):
        parts.whole()


def test_bill_has_so_many_groups_at_most_with_those_of_tags() -> None:
    parts = in_parts(most=2)
    row = (["a", None, None, None], amounts("1"))
    parts.add_charges(a_page([row, row]))
    with pytest.raises(BillTooLarge, match="more than 2 resources"):
        parts.add_tags(a_page([(["a", "x"], amounts())], ["ResourceId", "Tags.one"]), ["one"])


ROW = {"by": {"ResourceId": "a"}, "currency": "USD", "charges": 1}
WRONG: dict[str, Mapping[str, Any]] = {
    "no rows": {"rows": None},
    "no state": {"asOf": None},
    "amount as a number": {"rows": [{**ROW, "sums": {"BilledCost": 1.5, "EffectiveCost": "1"}}]},
    "no amount": {"rows": [{**ROW, "sums": {"BilledCost": "NaN", "EffectiveCost": "1"}}]},
    "lacks a metric": {"rows": [{**ROW, "sums": {"BilledCost": "1"}}]},
    "lacks a dimension": {"by": ["ResourceId", "RegionId"], "rows": [{**ROW, "sums": {}}]},
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_no_answer_of_costs_is_refused(name: str) -> None:
    body = json.dumps({**an_answer([]), **WRONG[name]}).encode()
    with pytest.raises(HandlerRefused, match="none of a database handler"):
        read_page(body)


@given(st.binary())
def test_any_body_is_read_or_refused(body: bytes) -> None:
    with pytest.raises(HandlerRefused):
        read_page(body)


def test_answer_by_other_dimensions_than_asked_for_is_refused() -> None:
    page = a_page([(["a"], amounts())], ["ResourceId"])
    with pytest.raises(HandlerRefused, match="grouped otherwise"):
        in_parts().add_charges(page)
    with pytest.raises(HandlerRefused, match="grouped otherwise"):
        in_parts().add_tags(page, ["one"])
