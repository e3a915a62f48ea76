"""The parameters of a query, as Prometheus' HTTP API takes them. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from costwire_simulator.promql.errors import ParseError
from costwire_simulator.promql.lexer import seconds, tokens

_LATEST = 253_402_300_799.0
"""The end of the year 9999."""


class BadParameter(Exception):
    """A parameter that cannot be read, as Prometheus tells it."""


@dataclass(frozen=True, slots=True)
class Query:
    """What is asked, as of when, and how long the answer may take."""

    promql: str
    at: float
    timeout_seconds: float


def read_query(form: Mapping[str, str], now: float, longest_seconds: float) -> Query:
    """Raises: `BadParameter`."""
    at = _time(form["time"]) if form.get("time") else now
    timeout = _duration(form["timeout"]) if form.get("timeout") else longest_seconds
    return Query(form.get("query", ""), at, min(timeout, longest_seconds))


def _time(text: str) -> float:
    """Seconds since 1970, or a time of RFC 3339."""
    try:
        at = float(text)
    except ValueError:
        at = _instant(text)
    if abs(at) <= _LATEST:  # which no NaN is
        return at
    raise BadParameter(f'invalid parameter "time": cannot parse "{text}" to a valid timestamp')


def _instant(text: str) -> float:
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        return math.nan
    return instant.timestamp() if instant.tzinfo is not None else math.nan


def _duration(text: str) -> float:
    """Seconds, or words such as `1m30s`."""
    try:
        length = float(text)
    except ValueError:
        length = _words(text)
    if math.isfinite(length) and length >= 0:
        return length
    raise BadParameter(f'invalid parameter "timeout": cannot parse "{text}" to a valid duration')


def _words(text: str) -> float:
    try:
        found, *_ = tokens(text)
    except ParseError:
        return math.nan
    return seconds(text) if found.kind == "duration" and found.text == text else math.nan
