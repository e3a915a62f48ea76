"""Answers in the shape of Prometheus."""

from __future__ import annotations

import math

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from costwire_simulator.promql.errors import ExecutionError
from costwire_simulator.promql.samples import Sample
from costwire_simulator.upstream.answers import number_text, refusal, success


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1.0, "1"),
        (-0.0, "-0"),
        (0.1, "0.1"),
        (1e21, "1000000000000000000000"),
        (1.5e300, "15" + "0" * 299),
        (1e-7, "0.0000001"),
        (33285996544.0, "33285996544"),
        (math.inf, "+Inf"),
        (-math.inf, "-Inf"),
        (math.nan, "NaN"),
    ],
)
def test_values_are_written_as_prometheus_writes_them(value: float, text: str) -> None:
    assert number_text(value) == text


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_values_come_back_exactly_and_have_no_exponent(value: float) -> None:
    text = number_text(value)
    assert float(text) == value
    assert "e" not in text


def test_a_vector_has_the_time_of_the_question() -> None:
    answer = success([Sample({"__name__": "a", "b": "c"}, 2.0, 5)], 1_760_000_000_250)
    assert answer.status == 200
    assert orjson.loads(answer.body) == {
        "status": "success",
        "data": {
            "resultType": "vector",
            "result": [{"metric": {"__name__": "a", "b": "c"}, "value": [1760000000.25, "2"]}],
        },
    }


def test_a_number_is_a_scalar() -> None:
    told = orjson.loads(success(2.5, 1_000).body)["data"]
    assert told == {"resultType": "scalar", "result": [1, "2.5"]}


def test_errors_are_told_with_their_kind() -> None:
    answer = refusal(ExecutionError("it does not fit"))
    assert answer.status == 422
    assert orjson.loads(answer.body) == {
        "status": "error",
        "errorType": "execution",
        "error": "it does not fit",
    }
