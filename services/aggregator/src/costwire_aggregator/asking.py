"""Who is asked what: the questions of each upstream's flavour, which is found by looking."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace

from costwire_aggregator.errors import (
    UpstreamError,
    UpstreamsBroken,
    UpstreamsLate,
    UpstreamsSilent,
)
from costwire_aggregator.http_client import Allowance
from costwire_aggregator.questions import TIMES, Question
from costwire_aggregator.samples import Families, Sample
from costwire_aggregator.topology.flavours import FLAVOURS, LOOKING, MARKERS, found
from costwire_aggregator.topology.flavours.others import NOT_ASKED, not_asked, reason
from costwire_aggregator.upstreams.fan_out import FanOut, Questions
from costwire_aggregator.upstreams.outcomes import State, Told
from costwire_aggregator.upstreams.settings import UpstreamSettings

LOOK = Question("flavour", LOOKING, frozenset(MARKERS))
_ALIVE = Question("alive", "vector(1)", frozenset({"vector"}))
_LOOK_AGAIN_SECONDS = 600.0
_LONGEST_REASONS = 4_000
_TOLD = {State.ANSWERED, State.PARTIAL}


class Asker:
    """Asks the upstreams, all within one deadline."""

    def __init__(
        self,
        fan_out: FanOut,
        *,
        deadline_seconds: float,
        answers_bytes: int,
        now: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """`answers_bytes`: of all answers to the questions that are asked at once, unpacked."""
        self._fan_out = fan_out
        self._deadline_seconds = deadline_seconds
        self._answers_bytes = answers_bytes
        self._now = now
        self._monotonic = monotonic
        self._looked: dict[str, tuple[Families, float]] = {}
        """What was found by looking, and when."""

    async def ask(
        self, questions: Questions, needed: Callable[[Question], bool]
    ) -> tuple[float, Sequence[Told]]:
        """What the upstreams told, as of a time in seconds since 1970.

        Raises: `UpstreamError` where none answered a question that is needed.
        """
        at = self._now()
        told = await self._fan_out.gather(questions, at, self._deadline(), self._allowance())
        return at, _enough(told, needed)

    async def ask_by_flavour(self) -> tuple[float, Sequence[Told], Mapping[str, str]]:
        """The same by the questions of each upstream's flavour, with the flavours by upstream.

        One whose flavour cannot be found is there with what became of looking.
        """
        at, deadline, allowance = self._now(), self._deadline(), self._allowance()
        async with asyncio.TaskGroup() as group:
            running = [
                group.create_task(self._ask_one(settings, at, deadline, allowance))
                for settings in self._fan_out.settings
            ]
        told = [one for task in running for one in task.result()]
        _enough(told, lambda question: question not in (LOOK, TIMES))
        flavours = {
            settings.name: flavour
            for settings in self._fan_out.settings
            if (flavour := self._flavour(settings))
        }
        return at, told, flavours

    async def alive(self) -> Sequence[Told]:
        """Who answers at all."""
        return await self._fan_out.gather(
            lambda settings: (_ALIVE,), self._now(), self._deadline(), self._allowance()
        )

    async def _ask_one(
        self, settings: UpstreamSettings, at: float, deadline: float, allowance: Allowance
    ) -> Sequence[Told]:
        """By itself, so that one that hangs while it is looked at holds up no other."""

        def of_this(questions: Sequence[Question]) -> Questions:
            return lambda other: questions if other.name == settings.name else ()

        looks = of_this(self._looks(settings))
        looked = await self._fan_out.gather(looks, at, deadline, allowance)
        self._remember(looked)
        questions = of_this(self._of_flavour(settings))
        told = await self._fan_out.gather(questions, at, deadline, allowance)
        others = self._not_asked(settings)
        return [_noted(one, others) if others else one for one in told] or looked

    def _allowance(self) -> Allowance:
        return Allowance(self._answers_bytes, "with it the answers are (AGGREGATOR_ANSWERS_MIB)")

    def _deadline(self) -> float:
        return asyncio.get_running_loop().time() + self._deadline_seconds

    def _looks(self, settings: UpstreamSettings) -> Sequence[Question]:
        if settings.flavour != "auto":
            return ()
        _, since = self._looked.get(settings.name, ({}, -_LOOK_AGAIN_SECONDS))
        return (LOOK,) if self._monotonic() - since >= _LOOK_AGAIN_SECONDS else ()

    def _remember(self, looked: Iterable[Told]) -> None:
        for one in looked:
            families = one.families()
            if any(outcome.state is State.PARTIAL for outcome in one.outcomes):
                known, _ = self._looked.get(one.upstream, ({}, 0.0))
                families = {**known, **families}
            if found(families):
                self._looked[one.upstream] = families, self._monotonic()

    def _of_flavour(self, settings: UpstreamSettings) -> Sequence[Question]:
        flavour = self._flavour(settings)
        return FLAVOURS[flavour].questions if flavour else ()

    def _flavour(self, settings: UpstreamSettings) -> str:
        if settings.flavour != "auto":
            return settings.flavour
        families, _ = self._looked.get(settings.name, ({}, 0.0))
        return next((flavour.name for flavour in found(families)), "")

    def _not_asked(self, settings: UpstreamSettings) -> list[Sample]:
        """What was found of flavours that nobody asks this server for, as this tenant."""
        if settings.name not in self._looked:
            return []
        entries = [
            one
            for one in self._fan_out.settings
            if (one.url, one.headers) == (settings.url, settings.headers)
        ]
        families, _ = self._looked[settings.name]
        return [*not_asked(settings.name, families, {*map(self._flavour, entries)})]


def reasons(told: Iterable[Told]) -> str:
    """Why upstreams did not answer, each with its name."""
    texts = (f"{one.upstream}: {', '.join(why)}" for one in told if (why := _why(one)))
    return "; ".join(texts)[:_LONGEST_REASONS]


def answers(told: Told) -> bool:
    """Whether it answered anything."""
    return any(outcome.state in _TOLD for outcome in told.outcomes)


def _enough(told: Sequence[Told], needed: Callable[[Question], bool]) -> Sequence[Told]:
    outcomes = [outcome for one in told for outcome in one.outcomes]
    if any(needed(outcome.question) and outcome.state in _TOLD for outcome in outcomes):
        return told
    kinds: dict[State, type[UpstreamError]] = {
        State.LATE: UpstreamsLate,
        State.UNREACHABLE: UpstreamsSilent,
    }
    states = {outcome.state for outcome in outcomes} - _TOLD
    kind = kinds.get(states.pop(), UpstreamsBroken) if len(states) == 1 else UpstreamsBroken
    raise kind(reasons(told) or "none is known to have what is asked for")


def _noted(told: Told, others: Sequence[Sample]) -> Told:
    """With what was not asked for beside the times of the targets: no metric lacks for that."""
    why = reason(sample.labels["flavour"] for sample in others)
    outcomes = [
        replace(
            outcome,
            reason="; ".join(filter(None, (outcome.reason, f"there are series {why}"))),
            families={**outcome.families, NOT_ASKED: others},
        )
        if outcome.question == TIMES
        else outcome
        for outcome in told.outcomes
    ]
    return replace(told, outcomes=outcomes)


def _why(told: Told) -> list[str]:
    return [*dict.fromkeys(outcome.reason for outcome in told.outcomes if outcome.reason)]
