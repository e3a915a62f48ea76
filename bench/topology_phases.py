"""Where the time of an answer goes: `topology_phases.py FACE UPSTREAM`, figures as JSON.

One phase after the other, each alone: reading what the upstream answers, decoding it, merging and
folding the series, looking what is missing, encoding. In the service reading and decoding overlap.
"""

from __future__ import annotations

import asyncio
import json
import statistics
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TypeVar

import aiohttp
from measure import Stopwatch

from costwire_aggregator.completeness import completeness
from costwire_aggregator.icos import questions as icos_questions
from costwire_aggregator.icos.document import rendered
from costwire_aggregator.icos.fold import Fold
from costwire_aggregator.questions import Question
from costwire_aggregator.topology.document import topology_json
from costwire_aggregator.topology.flavours import FLAVOURS
from costwire_aggregator.topology.fold import fold
from costwire_aggregator.topology.readings import readings
from costwire_aggregator.upstreams.answers import read_answer
from costwire_aggregator.upstreams.merge import merged
from costwire_aggregator.upstreams.outcomes import Told, answered
from costwire_runtime.memory import collect_seldom, no_collecting, share_one_arena

TIMES = 5
_SETTLED_SECONDS = 1e9
"""Samples of a simulator whose time stands still grow old."""
_KUBERNETES = "kubernetes"
Result = TypeVar("Result")


def main() -> None:
    """Measure; the first time, in which the upstream makes its answers, is not told."""
    face, upstream = sys.argv[1:]
    questions = icos_questions.ALL if face == "icos" else FLAVOURS[_KUBERNETES].questions
    share_one_arena()
    collect_seldom()
    told = [_Phases().of_answer(face, questions, upstream) for _ in range(TIMES + 1)][1:]
    medians = {
        f"phases: {face}: {phase}": {
            figure: statistics.median(one[phase][figure] for one in told)
            for figure in ("seconds", "cpu")
        }
        for phase in told[0]
    }
    print(json.dumps(medians))


class _Phases:
    """The seconds of each phase of one answer."""

    def __init__(self) -> None:
        self._seconds: dict[str, dict[str, float]] = {}

    def of_answer(
        self, face: str, questions: Sequence[Question], upstream: str
    ) -> Mapping[str, Mapping[str, float]]:
        """Make an answer."""
        asked_at = time.time()
        bodies = asyncio.run(self._read(questions, upstream, asked_at))
        with no_collecting():
            vectors = self._timed("decode", partial(list, map(read_answer, bodies)))
        outcomes = [answered(*one, 0.0) for one in zip(questions, vectors, strict=True)]
        told = Told("all", outcomes, asked_at)
        del bodies, vectors, outcomes
        if face == "icos":
            self._document(told)
        else:
            self._topology(told)
        return self._seconds

    @no_collecting()
    def _document(self, told: Told) -> None:
        (reading,) = self._timed("merge", lambda: merged([told]))
        families = reading.families
        infrastructure = self._timed("fold", lambda: Fold(families).infrastructure())
        self._timed("encode", lambda: rendered(infrastructure))
        self._completeness(told)

    def _topology(self, told: Told) -> None:
        with no_collecting():
            flavours = {told.upstream: _KUBERNETES}
            sources = self._timed("merge", lambda: readings([told], flavours))
            topology = self._timed("fold", lambda: fold(sources))
            self._completeness(told)
        self._timed("encode", lambda: b"".join(topology_json(topology, {})))

    def _completeness(self, told: Told) -> None:
        self._timed("completeness", lambda: completeness([told], told.at, _SETTLED_SECONDS))

    async def _read(
        self, questions: Sequence[Question], upstream: str, at: float
    ) -> Sequence[bytes]:
        async with aiohttp.ClientSession() as session:

            async def body(question: Question) -> bytes:
                form = {"query": question.promql, "time": f"{at:.3f}"}
                async with session.post(f"{upstream}/api/v1/query", data=form) as response:
                    return await response.read()

            watch = Stopwatch()
            with watch:
                bodies = await asyncio.gather(*map(body, questions))
        self._seconds["upstream"] = watch.figures
        return bodies

    def _timed(self, phase: str, work: Callable[[], Result]) -> Result:
        watch = Stopwatch()
        with watch:
            result = work()
        self._seconds[phase] = watch.figures
        return result


if __name__ == "__main__":
    main()
