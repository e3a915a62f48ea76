"""Questions of which parts are more than series of families: rates, differences, selections.

A plain `or` takes two series for one whose labels are equal, whatever their names; VictoriaMetrics
does so with `on (__name__)`, too. A label of our own keeps them apart.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from costwire_aggregator.questions import Question

_PART = "costwire_part"
"""The label."""


def together(name: str, parts: Mapping[str, str], *others: Question) -> Question:
    """Families with an expression for each, behind those of other questions.

    Of each two of them no series have the same labels: what is `named` has one of its own.
    """
    promql = [question.promql for question in others]
    families = {family for question in others for family in question.families}
    return Question(name, either((*promql, *parts.values())), frozenset({*families, *parts}))


def either(promql: Iterable[str]) -> str:
    """What any of these gives, where no two give series of the same labels."""
    return " or ".join(promql)


def named(name: str, promql: str) -> str:
    """The same series with a name."""
    return apart(name, f'label_replace({promql}, "__name__", "{name}", "", "")')


def apart(part: str, promql: str) -> str:
    """The same series with a label that says which part of a question they are."""
    return f'label_replace({promql}, "{_PART}", "{part}", "", "")'
