"""What became of the questions to upstreams."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from costwire_aggregator.questions import Question
from costwire_aggregator.samples import Families
from costwire_aggregator.upstreams.answers import Vector
from costwire_aggregator.upstreams.targets import Targets

TIMES = "up"
"""The family whose values are when targets were last scraped, negative where they are down."""


class State(StrEnum):
    """What became of a question, or of a metric in it."""

    ANSWERED = "answered"
    EMPTY = "empty"
    """The upstream has no such series."""
    PARTIAL = "partial"
    """It said that there may be more, or targets that tell it are down."""
    STALE = "stale"
    """Its samples are too old."""
    LATE = "late"
    UNREACHABLE = "unreachable"
    FAILED = "failed"
    """It answered with an error, or with nonsense."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """Of one question to one upstream."""

    question: Question
    state: State
    reason: str = ""
    families: Families = field(default_factory=dict)
    spoilt: int = 0
    """Series that could not be used, or that nobody asked for."""
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Told:
    """All that one upstream told, as of one time."""

    upstream: str
    outcomes: Sequence[Outcome]
    at: float = math.inf
    """As of when it was asked: seconds since 1970; no sample is newer."""
    priority: int = 0
    external_labels: Mapping[str, str] = field(default_factory=dict)
    replica_labels: Sequence[str] = ()

    def families(self) -> Families:
        """Of all questions."""
        return {
            name: samples for outcome in self.outcomes for name, samples in outcome.families.items()
        }

    def targets(self) -> Targets:
        """What it scrapes, as far as it told."""
        return Targets(self.families().get(TIMES, ()), self.at, self.replica_labels)


def answered(question: Question, vector: Vector, seconds: float) -> Outcome:
    """The outcome of a question that was answered."""
    families = dict(vector.families)
    if len(question.families) == 1 and "" in families:
        (name,) = question.families
        families[name] = [*families.pop(""), *families.get(name, ())]
    asked = {name: families[name] for name in families if name in question.families}
    strange = sum(map(len, families.values())) - sum(map(len, asked.values()))
    lacks = [*vector.warnings]
    if vector.spoilt:
        lacks.append(f"{question.name}: {vector.spoilt} series could not be used")
    return Outcome(
        question,
        State.PARTIAL if lacks else State.ANSWERED,
        "; ".join(lacks),
        asked,
        vector.spoilt + strange,
        seconds,
    )
