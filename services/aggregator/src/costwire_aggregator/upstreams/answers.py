"""Answers of `/api/v1/query`, read. Pure: bytes in, samples or a refusal out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson

from costwire_aggregator.samples import Sample

_MOST_WARNINGS = 20
_LONGEST_WARNING = 500


class BadAnswer(Exception):
    """An upstream answered with something that is no instant vector."""


class Refused(Exception):
    """An upstream understood the question and did not answer it; `kind` is its `errorType`."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(f"{kind}: {message}" if kind else message)
        self.kind = kind


@dataclass(frozen=True, slots=True)
class Vector:
    """An instant vector."""

    samples: Sequence[Sample]
    warnings: Sequence[str] = field(default=())
    """Why the samples may not be all: Thanos lists the stores here that did not answer."""
    spoilt: int = 0
    """Series that were left out, because they have no labels or no value."""


def read_answer(body: bytes) -> Vector:
    """The samples of an answer.

    Raises: `Refused` where the body tells an error, `BadAnswer` where it is anything else.
    Source: Prometheus HTTP API, instant queries.
    """
    try:
        answer = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise BadAnswer(f"read the answer: it is no JSON ({error})") from error
    if not isinstance(answer, dict):
        raise BadAnswer("read the answer: it is no JSON object")
    if answer.get("status") == "error":
        raise Refused(str(answer.get("errorType", "")), str(answer.get("error", "no reason given")))
    data = answer.get("data")
    kind = data.get("resultType") if isinstance(data, dict) else None
    result = data.get("result") if isinstance(data, dict) else None
    if kind != "vector" or not isinstance(result, list):
        raise BadAnswer(f"read the answer: it holds no vector but {kind or 'nothing'}")
    samples = [*filter(None, map(_sample, result))]
    return Vector(samples, _warnings(answer), len(result) - len(samples))


def _sample(series: Any) -> Sample | None:
    try:
        labels, (_, value) = series["metric"], series["value"]
        if all(map(_is_text, labels.values())):
            return Sample(labels, float(value))
    except (AttributeError, KeyError, TypeError, ValueError):
        pass
    return None


def _is_text(value: Any) -> bool:
    return type(value) is str


def _warnings(answer: dict[str, Any]) -> list[str]:
    told = answer.get("warnings")
    texts = told if isinstance(told, list) else []
    return [str(text)[:_LONGEST_WARNING] for text in texts[:_MOST_WARNINGS]]
