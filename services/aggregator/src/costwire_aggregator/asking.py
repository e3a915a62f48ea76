"""Who is asked what: the questions of each upstream's flavour, which is found by looking."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Mapping, Sequence

from costwire_aggregator.errors import (
    UpstreamError,
    UpstreamsBroken,
    UpstreamsLate,
    UpstreamsSilent,
)
from costwire_aggregator.questions import TIMES, Question
from costwire_aggregator.topology.flavours import FLAVOURS, LOOKING, MARKERS, found
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
        now: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._fan_out = fan_out
        self._deadline_seconds = deadline_seconds
        self._now = now
        self._monotonic = monotonic
        self._flavours: dict[str, tuple[str, float]] = {}
        """Found by looking, and when."""

    async def ask(
        self, questions: Questions, needed: Callable[[Question], bool]
    ) -> tuple[float, Sequence[Told]]:
        """What the upstreams told, as of a time in seconds since 1970.

        Raises: `UpstreamError` where none answered a question that is needed.
        """
        at = self._now()
        told = await self._fan_out.gather(questions, at, self._deadline())
        return at, _enough(told, needed)

    async def ask_by_flavour(self) -> tuple[float, Sequence[Told], Mapping[str, str]]:
        """The same by the questions of each upstream's flavour, with the flavours by upstream.

        One whose flavour cannot be found is there with what became of looking.
        """
        at, deadline = self._now(), self._deadline()
        async with asyncio.TaskGroup() as group:
            running = [
                group.create_task(self._ask_one(settings, at, deadline))
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
        return await self._fan_out.gather(lambda settings: (_ALIVE,), self._now(), self._deadline())

    async def _ask_one(
        self, settings: UpstreamSettings, at: float, deadline: float
    ) -> Sequence[Told]:
        """By itself, so that one that hangs while it is looked at holds up no other."""

        def of_this(questions: Sequence[Question]) -> Questions:
            return lambda other: questions if other.name == settings.name else ()

        looked = await self._fan_out.gather(of_this(self._looks(settings)), at, deadline)
        self._remember(looked)
        questions = self._of_flavour(settings)
        return await self._fan_out.gather(of_this(questions), at, deadline) or looked

    def _deadline(self) -> float:
        return asyncio.get_running_loop().time() + self._deadline_seconds

    def _looks(self, settings: UpstreamSettings) -> Sequence[Question]:
        if settings.flavour != "auto":
            return ()
        _, since = self._flavours.get(settings.name, ("", -_LOOK_AGAIN_SECONDS))
        return (LOOK,) if self._monotonic() - since >= _LOOK_AGAIN_SECONDS else ()

    def _remember(self, looked: Iterable[Told]) -> None:
        for one in looked:
            if flavours := found(one.families().keys()):
                self._flavours[one.upstream] = flavours[0].name, self._monotonic()

    def _of_flavour(self, settings: UpstreamSettings) -> Sequence[Question]:
        flavour = self._flavour(settings)
        return FLAVOURS[flavour].questions if flavour else ()

    def _flavour(self, settings: UpstreamSettings) -> str:
        if settings.flavour != "auto":
            return settings.flavour
        return self._flavours.get(settings.name, ("", 0.0))[0]


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


def _why(told: Told) -> list[str]:
    return [*dict.fromkeys(outcome.reason for outcome in told.outcomes if outcome.reason)]
