"""Answers of `/api/v1/query`, read. Pure: bytes in, samples or a refusal out."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import msgspec

from costwire_aggregator.samples import Sample

_MOST_WARNINGS = 20
_LONGEST_WARNING = 500
_NAME = "__name__"
_Told = TypeVar("_Told")


class BadAnswer(Exception):
    """An upstream answered with something that is no instant vector."""


class Refused(Exception):
    """An upstream understood the question and did not answer it; `kind` is its `errorType`."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__((f"{kind}: {message}" if kind else message)[:_LONGEST_WARNING])
        self.kind = kind


@dataclass(frozen=True, slots=True)
class Vector:
    """An instant vector."""

    families: Mapping[str, Sequence[Sample]]
    """By the names of its series; those of functions have none, which is the empty name."""
    warnings: Sequence[str] = field(default=())
    """Why the samples may not be all: Thanos lists the stores here that did not answer."""
    spoilt: int = 0
    """Series that were left out, because they have no labels or no value."""


class _Series(msgspec.Struct, gc=False):
    metric: dict[str, str]
    value: tuple[float, str]


class _Head(msgspec.Struct, rename="camel"):
    status: str = ""
    error_type: Any = ""
    error: Any = ""
    warnings: Any = None
    is_partial: Any = False
    """VictoriaMetrics: not all storage nodes answered."""


class _Data(msgspec.Struct, rename="camel"):
    result_type: str
    result: list[_Series]


class _Answer(_Head):
    data: _Data | None = None


class _RawAnswer(_Head):
    data: Any = None


_decode_answer = msgspec.json.Decoder(_Answer).decode
_decode_raw = msgspec.json.Decoder(_RawAnswer).decode


def read_answer(body: bytes) -> Vector:
    """The samples of an answer.

    Raises: `Refused` where the body tells an error, `BadAnswer` where it is anything else.
    Source: Prometheus HTTP API, instant queries.
    """
    try:
        answer = _decode_answer(body)
    except msgspec.ValidationError:
        return _read_with_flaws(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadAnswer(f"read the answer: it is no JSON ({error})") from error
    data = answer.data
    kind, result = (None, None) if data is None else (data.result_type, data.result)
    series = _checked(answer, kind, result)
    return _vector(answer, series, len(series))


def _read_with_flaws(body: bytes) -> Vector:
    """The same of an answer that holds something which is no series."""
    try:
        answer = _decode_raw(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadAnswer(f"read the answer: it is no answer of Prometheus ({error})") from error
    data = answer.data if isinstance(answer.data, dict) else {}
    result = data.get("result")
    told = _checked(answer, data.get("resultType"), result if isinstance(result, list) else None)
    return _vector(answer, filter(None, map(_series, told)), len(told))


def _checked(answer: _Head, kind: object, result: list[_Told] | None) -> list[_Told]:
    if answer.status == "error":
        raise Refused(str(answer.error_type), str(answer.error or "no reason given"))
    if answer.status != "success" or kind != "vector" or result is None:
        raise BadAnswer(f"read the answer: it holds no vector but {kind or 'nothing'}")
    return result


def _series(told: object) -> _Series | None:
    try:
        return msgspec.convert(told, _Series)
    except msgspec.ValidationError:
        return None


def _vector(answer: _Head, result: Iterable[_Series], count: int) -> Vector:
    families: dict[str, list[Sample]] = defaultdict(list)
    read = 0
    for series in result:
        labels, text = series.metric, series.value[1]
        try:
            value = float(text)
        except ValueError:
            continue
        read += 1
        families[labels.pop(_NAME, "")].append(Sample(labels, value))
    return Vector(families, _warnings(answer), count - read)


def _warnings(answer: _Head) -> list[str]:
    told = answer.warnings if isinstance(answer.warnings, list) else []
    texts = [str(text)[:_LONGEST_WARNING] for text in told[:_MOST_WARNINGS]]
    return [*texts, "the answer is partial"] if answer.is_partial is True else texts
