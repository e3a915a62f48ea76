"""Outcomes of made-up questions, for tests of what is made of them."""

from __future__ import annotations

from collections.abc import Mapping

from costwire_aggregator.questions import TIMES, Question
from costwire_aggregator.samples import Sample
from costwire_aggregator.upstreams.outcomes import Outcome, State, Told

AT = 1_000.0
Family = list[Sample]


def question(name: str, *families: str) -> Question:
    return Question(name, name, frozenset(families or (name,)))


def outcome(asked: Question, state: State = State.ANSWERED, **families: Family) -> Outcome:
    return Outcome(asked, state, "" if state is State.ANSWERED else f"{asked.name}: why", families)


def of_target(value: float = 1.0, instance: str = "i", **labels: str) -> Sample:
    return Sample({"job": "j", "instance": instance, **labels}, value)


def times(**ages: float) -> Outcome:
    """Each instance's age, in seconds before `AT`."""
    return outcome(TIMES, up=[of_target(AT - age, instance) for instance, age in ages.items()])


def told(upstream: str, *outcomes: Outcome, **more: object) -> Told:
    return Told(upstream, outcomes, **more)  # type: ignore[arg-type]


def labels_of(families: Mapping[str, object], name: str) -> list[Mapping[str, str]]:
    return [sample.labels for sample in families.get(name, ())]  # type: ignore[attr-defined]
