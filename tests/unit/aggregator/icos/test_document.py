"""The document's text is what Go's encoder writes."""

from __future__ import annotations

import json
import re

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from costwire_aggregator.icos.document import document, number
from costwire_aggregator.icos.model import Cluster, Container, Infrastructure, Interface, Node, Pod

_PLAIN = re.compile(r"-?(0|[1-9]\d*)(\.\d*[1-9])?")
_WITH_EXPONENT = re.compile(r"-?[1-9](\.\d*[1-9])?e[+-][1-9]\d*")


def a_node(**fields: object) -> Node:
    empty = dict.fromkeys(("host", "agent", "address", "architecture"), "")
    return Node(**({"type": "ocm", "uuid": "id", "name": "n"} | empty | fields))  # type: ignore[arg-type]


def text_of(infrastructure: Infrastructure) -> str:
    return document(infrastructure, 0.0).decode()


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_numbers_keep_their_value_and_have_an_exponent_only_far_from_one(value: float) -> None:
    text = orjson.dumps(number(value)).decode()
    assert float(text) == value
    is_plain = value == 0 or 1e-6 <= abs(value) < 1e21
    assert (_PLAIN if is_plain else _WITH_EXPONENT).fullmatch(text)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (44.0, "44"),
        (1e-7, "1e-7"),
        (0.00001, "0.00001"),
        (1e21, "1e+21"),
        (1e20, "100000000000000000000"),
        (2.0**63, "9223372036854776000"),
        (912345.678901, "912345.678901"),
        (-1.5e-9, "-1.5e-9"),
    ],
)
def test_number_has_gos_form(value: float, text: str) -> None:
    assert orjson.dumps(number(value)).decode() == text


def test_levels_are_tabs_whatever_stands_in_texts() -> None:
    odd = "two  spaces\n  and\tmore"
    told = text_of(Infrastructure({odd: Cluster("ocm", odd, nodes={odd: a_node(name=odd)})}))
    assert json.loads(told)["cluster"][odd]["node"][odd]["name"] == odd
    assert all(re.match(r"\t*[^\t ]", line) for line in told.splitlines())


def test_deepest_levels_are_tabs_too() -> None:
    node = a_node(interfaces={"eth0": Interface(name="eth0")})
    pod = Pod("", "", "p", "", "", containers={"c": Container("c", "id")})
    told = text_of(Infrastructure({"c": Cluster("ocm", "c", nodes={"n": node}, pods={"p": pod})}))
    assert "  " not in told


def test_characters_of_html_are_escaped() -> None:
    told = text_of(Infrastructure({"<a&b>\u2028\u2029": Cluster("ocm", "")}))
    assert r'"\u003ca\u0026b\u003e\u2028\u2029"' in told


def test_keys_stand_in_the_order_of_their_bytes() -> None:
    names = ["b", "a", "\U0001f600", "\ufb01", "Z", ""]
    told = json.loads(text_of(Infrastructure({name: Cluster("ocm", "") for name in names})))
    assert [*told["cluster"]] == sorted(names, key=str.encode)


def test_zeros_are_left_out_and_structs_kept() -> None:
    told = json.loads(text_of(Infrastructure({"c": Cluster("ocm", "c", nodes={"n": a_node()})})))
    assert told == {
        "timestamp": {},
        "cluster": {
            "c": {
                "type": "ocm",
                "uuid": "c",
                "serviceLevelAgreement": {},
                "API": {},
                "node": {
                    "n": {
                        "type": "ocm",
                        "uuid": "id",
                        "name": "n",
                        "location": {},
                        "staticMetrics": {},
                        "dynamicMetrics": {"availableStorage": {}},
                    }
                },
            }
        },
    }


def test_counts_of_zero_stay_in_the_map_of_vulnerabilities() -> None:
    node = a_node(vulnerabilities={"High": 4, "Critical": 0})
    told = json.loads(text_of(Infrastructure({"c": Cluster("ocm", "c", nodes={"n": node})})))
    assert told["cluster"]["c"]["node"]["n"]["vulnerabilities"] == {"Critical": 0, "High": 4}
