"""Topologies that are paged through, kept so that a newer one does not end their pages."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from costwire_aggregator.aggregator import TopologyAnswer

MOST = 2
"""One of 10 clusters with 20,000 pods takes about 95 MiB."""
SECONDS = 300.0


@dataclass(slots=True)
class _Kept:
    answer: TopologyAnswer
    timer: asyncio.TimerHandle
    followed: bool = False
    """Whether a page behind the first was asked for."""


class Snapshots:
    """A few of them, each for a while after it was used last; of one event loop."""

    def __init__(self, *, most: int = MOST, seconds: float = SECONDS) -> None:
        self._most = most
        self._seconds = seconds
        self._kept: dict[str, _Kept] = {}
        """The one used last is the last."""

    def keep(self, answer: TopologyAnswer) -> None:
        """One of which there are more pages; those go first that nobody read on in."""
        kept = self._kept.pop(answer.snapshot, None)
        if kept is not None:
            kept.timer.cancel()
        self._insert(answer, followed=kept is not None and kept.followed)
        if len(self._kept) > self._most:
            others = [name for name in self._kept if name != answer.snapshot]
            unread = [name for name in others if not self._kept[name].followed]
            self._drop((unread or others)[0])

    def find(self, name: str) -> TopologyAnswer | None:
        """The one of this name, for whoever reads on in it."""
        if (kept := self._kept.pop(name, None)) is None:
            return None
        kept.timer.cancel()
        self._insert(kept.answer, followed=True)
        return kept.answer

    def _insert(self, answer: TopologyAnswer, *, followed: bool) -> None:
        loop = asyncio.get_running_loop()
        timer = loop.call_later(self._seconds, self._drop, answer.snapshot)
        self._kept[answer.snapshot] = _Kept(answer, timer, followed)

    def _drop(self, name: str) -> None:
        self._kept.pop(name).timer.cancel()
