"""What an upstream answers is read as samples, or refused with a word; nothing breaks off."""

from __future__ import annotations

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from costwire_aggregator.samples import Sample
from costwire_aggregator.upstreams.answers import BadAnswer, Refused, read_answer

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=8,
)


def an_answer(*series: object, **more: object) -> bytes:
    data = {"resultType": "vector", "result": series}
    return json.dumps({"status": "success", "data": data, **more}).encode()


def test_values_are_read_as_prometheus_writes_them() -> None:
    texts = ["1", "2.5e-07", "+Inf", "-Inf", "NaN"]
    told = read_answer(an_answer(*({"metric": {"a": t}, "value": [1.5, t]} for t in texts)))
    samples = told.families[""]
    assert [sample.labels["a"] for sample in samples] == texts
    assert [sample.value for sample in samples[:4]] == [1, 2.5e-7, math.inf, -math.inf]
    assert math.isnan(samples[4].value)


def test_series_are_told_by_the_names_of_their_families() -> None:
    told = read_answer(
        an_answer(
            *({"metric": {"__name__": name, "a": "b"}, "value": [1, "2"]} for name in ("x", "y"))
        )
    )
    assert told.families == {name: [Sample({"a": "b"}, 2.0)] for name in ("x", "y")}


def test_warnings_are_kept() -> None:
    assert read_answer(an_answer(warnings=["store b is gone"])).warnings == ["store b is gone"]


def test_partial_answer_of_victoriametrics_is_one_with_a_warning() -> None:
    assert read_answer(an_answer(isPartial=True)).warnings == ["the answer is partial"]
    assert not read_answer(an_answer(isPartial=False)).warnings


def test_error_is_told_with_its_kind() -> None:
    body = json.dumps({"status": "error", "errorType": "timeout", "error": "too slow"}).encode()
    with pytest.raises(Refused, match="timeout: too slow") as told:
        read_answer(body)
    assert told.value.kind == "timeout"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>",
        b"[]",
        b'{"status": "success"}',
        b'{"data": {"resultType": "vector", "result": []}}',
        b'{"status": "success", "data": {"resultType": "matrix", "result": []}}',
        b'{"status": "success", "data": {"resultType": "scalar", "result": [1, "2"]}}',
        b'{"status": "success", "data": {"resultType": "vector", "result": {}}}',
    ],
)
def test_what_is_no_vector_is_refused(body: bytes) -> None:
    with pytest.raises(BadAnswer, match="read the answer"):
        read_answer(body)


def test_series_without_a_value_are_counted_and_left_out() -> None:
    fine = {"metric": {"a": "b"}, "value": [1, "2"]}
    spoilt = [
        {"metric": {}},
        {"metric": {}, "value": [1, "two"]},
        {"metric": {"a": 7}, "value": [1, "2"]},
        {"metric": ["a"], "value": [1, "2"]},
        {"metric": {}, "value": "12"},
        {"metric": {}, "value": {"1": 2, "7": 2}},
        {"metric": {}, "value": [1, True]},
        7,
    ]
    told = read_answer(an_answer(fine, *spoilt))
    assert (told.families, told.spoilt) == ({"": [Sample({"a": "b"}, 2.0)]}, len(spoilt))


def test_flaw_beside_bytes_that_are_no_text_is_refused() -> None:
    body = an_answer({"metric": {"a": 7}, "value": [1, "2"]}, {"metric": {"b": "X"}})
    with pytest.raises(BadAnswer):
        read_answer(body.replace(b"X", b"\xff"))


def test_error_is_told_in_few_words() -> None:
    body = json.dumps({"status": "error", "errorType": "execution", "error": "x" * 10**6}).encode()
    with pytest.raises(Refused) as told:
        read_answer(body)
    assert len(str(told.value)) <= 500


@given(st.lists(JSON, max_size=5), JSON)
def test_no_answer_breaks_off(series: list[object], more: object) -> None:
    told = read_answer(an_answer(*series, warnings=more))
    assert sum(map(len, told.families.values())) + told.spoilt == len(series)
    assert all(isinstance(text, str) for text in told.warnings)


@given(st.binary(max_size=40))
def test_no_body_breaks_off(body: bytes) -> None:
    with pytest.raises((BadAnswer, Refused)):
        read_answer(body)
