"""What was measured: for each number of charges, each stage's figures round by round."""

from __future__ import annotations

import json
import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

Value = float | None
RESULTS, EARLIER = "results.json", "earlier.json"
"""The newest run of each number of charges, and the one before it."""


@dataclass
class Run:
    """The rounds of one number of charges; a figure that a round lacks is None there."""

    rows: int
    rounds: int
    commit: str = ""
    date: str = ""
    machine: dict[str, str] = field(default_factory=dict)
    stages: dict[str, dict[str, list[Value]]] = field(default_factory=dict)

    def add(self, number: int, told: Mapping[str, Mapping[str, Value]]) -> None:
        """Take the figures of a stage's process in, in the round of this number, from 0."""
        for stage, figures in told.items():
            for name, value in figures.items():
                values = self.stages.setdefault(stage, {})
                values.setdefault(name, [None] * self.rounds)[number] = value

    def each(self, stage: str, figure: str) -> list[Value]:
        """A figure in each round."""
        return self.stages.get(stage, {}).get(figure, [None] * self.rounds)

    def median(self, stage: str, figure: str) -> Value:
        """The median of the rounds that have it."""
        return median(self.each(stage, figure))

    def speeds(self, stage: str, per: str = "rows") -> list[Value]:
        """Rows, or bytes, a second."""
        seconds, done = self.each(stage, "seconds"), self.each(stage, per)
        if per == "rows" and not any(done):
            done = [self.rows] * self.rounds
        return divided(done, seconds)


def divided(numbers: Iterable[Value], by: Iterable[Value]) -> list[Value]:
    """Round by round."""
    return [one / other if one and other else None for one, other in zip(numbers, by, strict=True)]


def present(values: Iterable[Value]) -> list[float]:
    """Without the rounds that have none."""
    return [value for value in values if value is not None]


def median(values: Iterable[Value]) -> Value:
    """Of what is there; None when nothing is."""
    return statistics.median(there) if (there := present(values)) else None


Results = dict[int, Run]


def parsed(text: str) -> Results:
    """Results from their JSON text."""
    runs: Sequence[Mapping[str, Any]] = json.loads(text)
    return {run["rows"]: Run(**run) for run in runs}


def load(path: Path) -> Results:
    """Results of a file; none where there is no file."""
    return parsed(path.read_text(encoding="utf-8")) if path.exists() else {}


def save(path: Path, results: Results) -> None:
    """Write results, fewest charges first; a stage's line each."""
    runs = [asdict(results[rows]) for rows in sorted(results)]
    path.write_text(_text(runs) + "\n", encoding="utf-8")


def _text(value: Any, depth: int = 0) -> str:
    """JSON, broken into lines down to the stages."""
    if depth > 3 or not isinstance(value, dict | list) or not value:
        return json.dumps(value)
    space = "\n" + " " * (depth + 1)
    if isinstance(value, dict):
        inner = [f"{json.dumps(key)}: {_text(one, depth + 1)}" for key, one in value.items()]
        return "{" + space + ("," + space).join(inner) + "}"
    return "[" + space + ("," + space).join(_text(one, depth + 1) for one in value) + "]"
