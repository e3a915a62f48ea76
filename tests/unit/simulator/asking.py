"""A small Prometheus whose targets tell what a test says."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import orjson

from costwire_simulator.targets import Target
from costwire_simulator.upstream.upstream import Upstream

NOW = 1_760_000_000.0
Told = dict[tuple[tuple[str, str], ...], float]
"""Values by labels."""


class Exposed:
    """One target; each line of its text is a series."""

    def __init__(self, *lines: str, honor: bool = True, **options: Any) -> None:
        """`options`: of the upstream."""
        self.lines: Iterable[str] = lines
        self.target = Target(
            "cluster", "/text", {"job": "j", "instance": "i"}, self._text, honor_labels=honor
        )
        self.upstream = Upstream([self.target], **options)

    def _text(self, at: float) -> bytes:
        return "\n".join([*self.lines, ""]).encode()

    def scrape(self, at: float, *lines: str) -> None:
        """Scrape what it tells from now on."""
        self.lines = lines or self.lines
        self.upstream.scrape(at)

    def ask(self, promql: str, at: float = NOW) -> Told:
        """Values by labels, without those of the target."""
        answer = self.upstream.answer(promql, at)
        assert answer.status == 200, answer.body
        data = orjson.loads(answer.body)["data"]
        if data["resultType"] == "scalar":
            return {(): float(data["result"][1])}
        return {_own(one["metric"]): float(one["value"][1]) for one in data["result"]}

    def refusal(self, promql: str, at: float = NOW) -> tuple[int, str, str]:
        """Status, kind and message of an error."""
        answer = self.upstream.answer(promql, at)
        told = orjson.loads(answer.body)
        assert told["status"] == "error", told
        return answer.status, told["errorType"], told["error"]


def exposed(*lines: str) -> Exposed:
    """One that was scraped once, now."""
    one = Exposed(*lines)
    one.scrape(NOW)
    return one


def _own(labels: dict[str, str]) -> tuple[tuple[str, str], ...]:
    return tuple(pair for pair in labels.items() if pair not in (("job", "j"), ("instance", "i")))
