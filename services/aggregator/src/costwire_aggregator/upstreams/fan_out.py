"""All questions to all upstreams at once, as of one time, within one deadline."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from typing import Protocol, Self

from costwire_aggregator.http_client import Allowance
from costwire_aggregator.questions import Question
from costwire_aggregator.upstreams.answers import Vector
from costwire_aggregator.upstreams.client import AskError, Late, Unreachable
from costwire_aggregator.upstreams.outcomes import Outcome, State, Told, answered
from costwire_aggregator.upstreams.settings import UpstreamSettings


class Asking(Protocol):
    """An upstream that can be asked."""

    settings: UpstreamSettings

    async def ask(
        self, question: Question, at: float, deadline: float, allowance: Allowance
    ) -> Vector:
        """The answer as of a time; raises `AskError`."""

    async def __aenter__(self) -> Self: ...

    async def __aexit__(self, *raised: object) -> None: ...


_logger = logging.getLogger(__name__)
Questions = Callable[[UpstreamSettings], Sequence[Question]]
OnOutcome = Callable[[str, Outcome], None]
"""Is told of each outcome, with the name of its upstream."""


class FanOut:
    """The upstreams; as a context manager it owns their connections."""

    def __init__(
        self,
        upstreams: Sequence[Asking],
        *,
        on_outcome: OnOutcome = lambda upstream, outcome: None,
    ) -> None:
        self._upstreams = upstreams
        self._on_outcome = on_outcome
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        for upstream in self._upstreams:
            await self._stack.enter_async_context(upstream)
        return self

    async def __aexit__(self, *raised: object) -> None:
        await self._stack.aclose()

    @property
    def settings(self) -> list[UpstreamSettings]:
        """Of all upstreams."""
        return [upstream.settings for upstream in self._upstreams]

    async def gather(
        self, questions: Questions, at: float, deadline: float, allowance: Allowance
    ) -> list[Told]:
        """What each upstream told of the questions to it; one that is asked nothing is not there.

        `at`: in seconds since 1970; `deadline`: by the loop's clock; `allowance`: for all answers
        together. Never later than that, and never broken off by an upstream.
        """
        asked = [(one, questions(one.settings)) for one in self._upstreams]
        async with asyncio.TaskGroup() as group:
            running = [
                (
                    upstream.settings,
                    [
                        group.create_task(self._ask(upstream, question, at, deadline, share))
                        for question in of_it
                    ],
                )
                for upstream, of_it in asked
                if of_it
                for share in [self._share(allowance)]
            ]
        return [
            Told(
                settings.name,
                [task.result() for task in tasks],
                at,
                settings.priority,
                settings.external_labels,
                settings.replica_labels,
            )
            for settings, tasks in running
        ]

    def _share(self, allowance: Allowance) -> Allowance:
        """Of one upstream: half, so that one that never ends leaves something to the others."""
        if len(self._upstreams) == 1:
            return allowance
        return Allowance(allowance.size // 2, "the upstream's answers are", of=allowance)

    async def _ask(
        self,
        upstream: Asking,
        question: Question,
        at: float,
        deadline: float,
        allowance: Allowance,
    ) -> Outcome:
        began = time.monotonic()
        try:
            vector = await upstream.ask(question, at, deadline, allowance)
        except AskError as error:
            state = _STATES.get(type(error), State.FAILED)
            seconds = time.monotonic() - began
            outcome = Outcome(question, state, f"{question.name}: {error}", seconds=seconds)
        except Exception:
            # A fault of ours costs this question, and none of the others.
            _logger.exception("question broke", extra={"upstream": upstream.settings.name})
            reason = f"{question.name}: a fault of the aggregator; its log tells more"
            outcome = Outcome(question, State.FAILED, reason, seconds=time.monotonic() - began)
        else:
            outcome = answered(question, vector, time.monotonic() - began)
        self._on_outcome(upstream.settings.name, outcome)
        return outcome


_STATES: Mapping[type[AskError], State] = {Late: State.LATE, Unreachable: State.UNREACHABLE}
