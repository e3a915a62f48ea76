"""A query's answer, as Prometheus 2 would give it."""

from __future__ import annotations

import math
import re
import time
from collections.abc import Callable, Iterator

from costwire_simulator.promql.arithmetic import ARITHMETIC, COMPARING
from costwire_simulator.promql.errors import ExecutionError, QueryTimeout
from costwire_simulator.promql.expressions import (
    NAME,
    Aggregate,
    Binary,
    Call,
    Expression,
    Negation,
    Number,
    Range,
    Selector,
    String,
)
from costwire_simulator.promql.matching import joined, without_name
from costwire_simulator.promql.parser import pattern_of
from costwire_simulator.promql.rates import increase
from costwire_simulator.promql.samples import Labels, Sample, Source, Vector

Value = float | Vector
_LABEL = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*", re.ASCII)
_REFERENCE = re.compile(r"\$(?:(\$)|\{(\w+)\}|(\w+))", re.ASCII)


class Evaluation:
    """Answers questions as of one time."""

    def __init__(self, source: Source, at_ms: int, deadline: float = math.inf) -> None:
        """`deadline`: of `time.monotonic`."""
        self._source = source
        self._at_ms = at_ms
        self._deadline = deadline

    def value(self, expression: Expression) -> Value:
        """What it gives. Raises: `ExecutionError`, `QueryTimeout`."""
        if time.monotonic() >= self._deadline:
            raise QueryTimeout
        match expression:
            case Number(value):
                return value
            case Selector(matchers):
                return [*self._source.latest(matchers, self._at_ms)]
            case Call():
                return self._call(expression)
            case Aggregate():
                return self._aggregate(expression)
            case Negation(of):
                return self._negated(self.value(of))
            case Binary():
                return self._binary(expression)
        raise _misplaced(expression)

    def _vector(self, expression: Expression) -> Vector:
        value = self.value(expression)
        if isinstance(value, list):
            return value
        raise _misplaced(expression)

    def _scalar(self, expression: Expression) -> float:
        value = self.value(expression)
        if isinstance(value, list):
            raise _misplaced(expression)
        return value

    # Operators.

    def _negated(self, value: Value) -> Value:
        if not isinstance(value, list):
            return -value
        return _distinct([self._sample(without_name(labels), -one) for labels, one, _ in value])

    def _binary(self, expression: Binary) -> Value:
        left, right = self.value(expression.left), self.value(expression.right)
        if isinstance(left, list) and isinstance(right, list):
            return joined(expression, left, right, self._at_ms)
        if isinstance(left, list):
            return self._with_number(expression, left, right, swapped=False)
        if isinstance(right, list):
            return self._with_number(expression, right, left, swapped=True)
        if compare := COMPARING.get(expression.operator):
            return float(compare(left, right))
        return ARITHMETIC[expression.operator](left, right)

    def _with_number(
        self, expression: Binary, vector: Vector, number: Value, *, swapped: bool
    ) -> Vector:
        """`swapped`: whether the number stands on the left."""
        assert not isinstance(number, list)  # noqa: S101
        compare = COMPARING.get(expression.operator)
        if compare is None:
            work = ARITHMETIC[expression.operator]
        elif expression.as_number:

            def work(left: float, right: float) -> float:
                return float(compare(left, right))
        else:
            return [
                self._sample(labels, value)
                for labels, value, _ in vector
                if (compare(number, value) if swapped else compare(value, number))
            ]
        return _distinct(
            [
                self._sample(
                    without_name(labels), work(number, value) if swapped else work(value, number)
                )
                for labels, value, _ in vector
            ]
        )

    def _sample(self, labels: Labels, value: float) -> Sample:
        return Sample(labels, value, self._at_ms)

    # Groups.

    def _aggregate(self, expression: Aggregate) -> Vector:
        fold, key_of = _FOLDS[expression.operator], _grouping(expression)
        groups: dict[tuple[tuple[str, str], ...], float] = {}
        for labels, value, _ in self._vector(expression.of):
            key = key_of(labels)
            groups[key] = fold(groups.get(key), value)
        return [self._sample(dict(key), value) for key, value in groups.items()]

    # Functions.

    def _call(self, call: Call) -> Vector:
        match call:
            case Call("vector", (number,)):
                return [self._sample({}, self._scalar(number))]
            case Call("timestamp", (of,)):
                return _distinct([*self._timestamps(of)])
            case Call("rate", (Range() as samples,)):
                return _distinct([*self._increases(samples, samples.seconds)])
            case Call("increase", (Range() as samples,)):
                return _distinct([*self._increases(samples, 1.0)])
            case Call("label_replace", (of, String(to), String(new), String(label), String(shape))):
                return _distinct(_replaced(self._vector(of), to, new, label, shape))
        raise _misplaced(call)

    def _timestamps(self, of: Expression) -> Iterator[Sample]:
        """Of what is no selector the values are as old as the question."""
        for labels, _, at_ms in self._vector(of):
            told = at_ms if isinstance(of, Selector) else self._at_ms
            yield self._sample(without_name(labels), told / 1000)

    def _increases(self, samples: Range, divisor: float) -> Iterator[Sample]:
        start_ms, end_ms = self._at_ms - round(samples.seconds * 1000), self._at_ms
        for series in self._source.between(samples.selector.matchers, start_ms, end_ms):
            if (risen := increase(series, start_ms, end_ms)) is not None:
                yield self._sample(without_name(series.labels), risen / divisor)


def _misplaced(expression: Expression) -> AssertionError:
    return AssertionError(f"the parser lets no {type(expression).__name__} stand here")


def _distinct(vector: Vector) -> Vector:
    """The same; raises where two series have become one."""
    if len({frozenset(sample.labels.items()) for sample in vector}) < len(vector):
        raise ExecutionError("vector cannot contain metrics with the same labelset")
    return vector


def _grouping(expression: Aggregate) -> Callable[[Labels], tuple[tuple[str, str], ...]]:
    if expression.without:
        left_out = {NAME, *expression.labels}
        return lambda labels: tuple([pair for pair in labels.items() if pair[0] not in left_out])
    kept = {*expression.labels}
    return lambda labels: tuple([pair for pair in labels.items() if pair[0] in kept])


def _largest(known: float | None, value: float) -> float:
    return value if known is None or known < value or math.isnan(known) else known


def _smallest(known: float | None, value: float) -> float:
    return value if known is None or known > value or math.isnan(known) else known


_FOLDS: dict[str, Callable[[float | None, float], float]] = {
    "sum": lambda known, value: (known or 0.0) + value,
    "max": _largest,
    "min": _smallest,
    "count": lambda known, _: (known or 0.0) + 1,
}


def _replaced(vector: Vector, to: str, new: str, label: str, shape: str) -> Vector:
    """Give a label a value made from another one's where that has a shape."""
    try:
        pattern = pattern_of(shape)
    except ValueError as error:
        raise ExecutionError(
            f"invalid regular expression in label_replace(): {shape} ({error})"
        ) from error
    if not _LABEL.fullmatch(to):
        raise ExecutionError(f"invalid destination label name in label_replace(): {to}")
    found = []
    for sample in vector:
        if match := pattern.fullmatch(sample.labels.get(label, "")):
            labels = {name: text for name, text in sample.labels.items() if name != to}
            if text := _expanded(new, match):
                labels = dict(sorted({**labels, to: text}.items()))
            sample = sample._replace(labels=labels)
        found.append(sample)
    return found


def _expanded(template: str, match: re.Match[str]) -> str:
    """`$1` and `${name}` are groups, `$$` is a dollar; a group that is not there is empty."""

    def told(found: re.Match[str]) -> str:
        if found[1]:
            return "$"
        name = found[2] or found[3]
        try:
            return match[int(name) if name.isdigit() else name] or ""
        except IndexError:
            return ""

    return _REFERENCE.sub(told, template)
