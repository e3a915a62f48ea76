"""Operators between two vectors: which series of them belong together, and what they give."""

from __future__ import annotations

from collections.abc import Callable, Hashable

from costwire_simulator.promql.arithmetic import ARITHMETIC, COMPARING
from costwire_simulator.promql.errors import ExecutionError
from costwire_simulator.promql.expressions import NAME, SETS, Binary, Matching
from costwire_simulator.promql.samples import Labels, Sample, Vector

_Signature = Callable[[Labels], Hashable]


def joined(operator: Binary, left: Vector, right: Vector, at_ms: int) -> Vector:
    """What an operator makes of two vectors. Raises: `ExecutionError`."""
    signature = _signature(operator.matching)
    if operator.operator in SETS:
        return _combined(operator.operator, left, right, signature)
    if not left or not right:
        return []  # whatever is on the other side, be it doubtful
    if operator.matching.many == "right":
        return _matched(operator, right, left, signature, at_ms)
    return _matched(operator, left, right, signature, at_ms)


def without_name(labels: Labels) -> Labels:
    """All other labels."""
    return {name: text for name, text in labels.items() if name != NAME}


def _signature(matching: Matching) -> _Signature:
    if matching.on:
        names = matching.labels
        return lambda labels: tuple([labels.get(name, "") for name in names])
    ignored = {NAME, *matching.labels}
    return lambda labels: tuple([pair for pair in labels.items() if pair[0] not in ignored])


def _combined(operator: str, left: Vector, right: Vector, signature: _Signature) -> Vector:
    if operator == "or":
        known = {signature(sample.labels) for sample in left}
        return left + [sample for sample in right if signature(sample.labels) not in known]
    known = {signature(sample.labels) for sample in right}
    wanted = operator == "and"
    return [sample for sample in left if (signature(sample.labels) in known) is wanted]


def _matched(
    operator: Binary, many: Vector, ones: Vector, signature: _Signature, at_ms: int
) -> Vector:
    """`many`: the side of which several series may have one partner, if any side is."""
    matching = operator.matching
    partners = _partners(operator, ones, signature)
    seen: set[Hashable] = set()
    found: Vector = []
    for sample in many:
        key = signature(sample.labels)
        if (partner := partners.get(key)) is None:
            continue
        pair = sample.value, partner.value
        value = _value(operator, *(reversed(pair) if matching.many == "right" else pair))
        if value is None:
            continue
        labels = _labels(operator, sample.labels, partner.labels)
        mark = (key, frozenset(labels.items())) if matching.many else key
        if mark in seen:
            raise ExecutionError(
                "multiple matches for labels: grouping labels must ensure unique matches"
                if matching.many
                else "multiple matches for labels: many-to-one matching must be explicit "
                "(group_left/group_right)"
            )
        seen.add(mark)
        found.append(Sample(labels, value, at_ms))
    return found


def _partners(operator: Binary, ones: Vector, signature: _Signature) -> dict[Hashable, Sample]:
    partners: dict[Hashable, Sample] = {}
    for sample in ones:
        key = signature(sample.labels)
        if key in partners:
            side = "left" if operator.matching.many == "right" else "right"
            raise ExecutionError(
                f"found duplicate series for the match group on the {side} hand-side of the "
                f"operation: [{_told(sample)}, {_told(partners[key])}];many-to-many matching "
                "not allowed: matching labels must be unique on one side"
            )
        partners[key] = sample
    return partners


def _told(sample: Sample) -> str:
    pairs = ", ".join(f'{name}="{text}"' for name, text in sample.labels.items())
    return f"{{{pairs}}}"


def _value(operator: Binary, left: float, right: float) -> float | None:
    """None where a comparison does not hold, and so drops the series."""
    if (compare := COMPARING.get(operator.operator)) is None:
        return ARITHMETIC[operator.operator](left, right)
    holds = compare(left, right)
    if operator.as_number:
        return float(holds)
    return left if holds else None


def _labels(operator: Binary, many: Labels, one: Labels) -> Labels:
    matching = operator.matching
    labels = dict(many)
    if operator.operator in ARITHMETIC or operator.as_number:
        labels.pop(NAME, None)
    if not matching.many:
        if matching.on:
            labels = {name: text for name, text in labels.items() if name in matching.labels}
        else:
            for name in matching.labels:
                labels.pop(name, None)
    if not matching.include:
        return labels
    for name in matching.include:
        labels.pop(name, None)
        if text := one.get(name):
            labels[name] = text
    return dict(sorted(labels.items()))
