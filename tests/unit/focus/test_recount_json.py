"""The second count of JSON: Arrow's, over elements that are found by their brackets and quotes."""

import json
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from costwire_focus.recount_json import JsonRecount

texts = st.text(st.sampled_from('\\"{}[],: \naé'), max_size=6)
values = st.recursive(
    texts | st.none() | st.booleans() | st.integers(-5, 5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=5,
)
objects = st.fixed_dictionaries({"BilledCost": st.integers(-99, 99)}, optional={"x_Own": values})


@given(st.lists(objects | values, max_size=6), st.sampled_from([None, 1]))
def test_any_elements_are_counted_as_they_were_written(elements, indent):
    count = JsonRecount()
    block = ",".join(json.dumps(element, indent=indent) for element in elements)
    count.count_elements(block.encode() + b",\n ")
    charges = [found for found in elements if isinstance(found, dict) and "BilledCost" in found]
    assert count.records == len(elements)
    assert count.billed_cost == sum(charge["BilledCost"] for charge in charges)


def test_lines_that_hold_no_object_are_counted_and_not_read():
    count = JsonRecount()
    count.count_lines(b'{"BilledCost":1.50}\n\n {} null \r\n{"BilledCost":0.25}', {1})
    assert (count.records, count.billed_cost) == (3, Decimal("1.75"))


def test_a_cost_that_arrow_refuses_costs_no_other_record():
    costs = ["1", '"x"', "2", "1e999", "3", '"4.5"', "true", "null"]
    count = JsonRecount()
    count.count_lines("\n".join(f'{{"BilledCost":{cost}}}' for cost in costs).encode(), ())
    assert (count.records, count.billed_cost) == (8, Decimal("10.5"))


def test_amounts_add_up_exactly():
    count = JsonRecount()
    digits = "12345678901234567890.12345678901234567890123456789012345678"
    count.count_elements(f'{{"BilledCost":{digits}}},{{"BilledCost":1e-38}}'.encode())
    assert count.billed_cost == Decimal(
        "12345678901234567890.12345678901234567890123456789012345679"
    )


@pytest.mark.parametrize(
    ("raw", "cost"),
    [
        (b'{"BilledCost":2,"x":1,"x":2}', Decimal(2)),
        (b'{"BilledCost":2} null', None),
        (b"null", None),
        (b"[" * 100_000, None),
        (b"\xff", None),
    ],
)
def test_what_it_took_a_set_aside_record_for(raw, cost):
    found = JsonRecount().cost_in(raw)
    assert (found if found is None else Decimal(found)) == cost
