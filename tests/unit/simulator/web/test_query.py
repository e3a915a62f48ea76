"""Parameters of queries."""

from __future__ import annotations

import pytest

from costwire_simulator.web.query import BadParameter, Query, read_query


@pytest.mark.parametrize(
    ("form", "query"),
    [
        ({"query": "up"}, Query("up", 5.0, 120.0)),
        ({"query": "up", "time": "1.25", "timeout": "3"}, Query("up", 1.25, 3.0)),
        ({"query": "up", "timeout": "1m30s"}, Query("up", 5.0, 90.0)),
        ({"query": "up", "timeout": "5h"}, Query("up", 5.0, 120.0)),
        ({"time": "1970-01-01T00:00:02.5Z"}, Query("", 2.5, 120.0)),
        ({"time": "1970-01-01T01:00:02+01:00"}, Query("", 2.0, 120.0)),
        ({"time": "", "timeout": ""}, Query("", 5.0, 120.0)),
    ],
)
def test_parameters_are_read_as_prometheus_reads_them(form: dict[str, str], query: Query) -> None:
    assert read_query(form, 5.0, 120.0) == query


@pytest.mark.parametrize(
    "form",
    [
        {"time": "now"},
        {"time": "NaN"},
        {"time": "1e12"},
        {"time": "1970-01-01T00:00:02"},
        {"timeout": "soon"},
        {"timeout": "1m 30s"},
        {"timeout": "-1"},
        {"timeout": "Inf"},
        {"timeout": "$"},
    ],
)
def test_others_are_refused_by_name(form: dict[str, str]) -> None:
    (name,) = form
    with pytest.raises(BadParameter, match=f'invalid parameter "{name}": cannot parse'):
        read_query(form, 5.0, 120.0)
