"""Answers in the shape of Prometheus' HTTP API."""

from __future__ import annotations

import math
from dataclasses import dataclass
from decimal import Decimal

import orjson

from costwire_simulator.promql.errors import QueryError
from costwire_simulator.promql.evaluation import Value


@dataclass(frozen=True, slots=True)
class Answer:
    """What a question is answered with; `body` is JSON."""

    status: int
    body: bytes


def number_text(value: float) -> str:
    """A value as Prometheus writes it: the shortest digits that mean it, without an exponent."""
    if value.is_integer() and abs(value) < 1e15:
        return str(int(value)) if value or math.copysign(1.0, value) > 0 else "-0"
    if not math.isfinite(value):
        return "NaN" if math.isnan(value) else "+Inf" if value > 0 else "-Inf"
    text = repr(value)
    return f"{Decimal(text):f}".removesuffix(".0") if "e" in text else text.removesuffix(".0")


def success(value: Value, at_ms: int) -> Answer:
    """What a query gave."""
    at: float | int = at_ms // 1000 if at_ms % 1000 == 0 else at_ms / 1000
    if isinstance(value, list):
        result: object = [
            {"metric": labels, "value": (at, number_text(one))} for labels, one, _ in value
        ]
        kind = "vector"
    else:
        result, kind = (at, number_text(value)), "scalar"
    data = {"resultType": kind, "result": result}
    return Answer(200, orjson.dumps({"status": "success", "data": data}))


def refusal(error: QueryError) -> Answer:
    """Why a query gave nothing."""
    return failure(error.status, error.kind, str(error))


def failure(status: int, kind: str, message: str) -> Answer:
    """The same, of what is no query at all."""
    told = {"status": "error", "errorType": kind, "error": message}
    return Answer(status, orjson.dumps(told))
