"""What became of the questions to upstreams."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from costwire_aggregator.questions import Question
from costwire_aggregator.samples import Families, Sample
from costwire_aggregator.upstreams.answers import Vector

TIMES = "up"
"""The family whose values are the times of the targets' last samples."""
Target = tuple[str, str]
"""Job and instance."""


class State(StrEnum):
    """What became of a question, or of a metric in it."""

    ANSWERED = "answered"
    EMPTY = "empty"
    """The upstream has no such series."""
    PARTIAL = "partial"
    """It said that there may be more."""
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

    def times(self) -> Mapping[Target, float]:
        """When the last sample of each target was taken, of several copies the newest."""
        times: dict[Target, float] = {}
        for sample in self.families().get(TIMES, ()):
            if math.isfinite(sample.value):
                key, time = target(sample), min(sample.value, self.at)
                times[key] = max(time, times.get(key, time))
        return times


def target(sample: Sample) -> Target:
    """What a sample was scraped from."""
    return sample.labels.get("job", ""), sample.labels.get("instance", "")


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
