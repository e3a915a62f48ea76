"""Targets, scraped when told, and questions about them, answered."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Collection, Sequence

from costwire_simulator.promql.errors import QueryError, QueryTimeout
from costwire_simulator.promql.evaluation import Evaluation
from costwire_simulator.promql.parser import parse
from costwire_simulator.targets import Target
from costwire_simulator.upstream.answers import Answer, refusal, success
from costwire_simulator.upstream.scraping import Scraper
from costwire_simulator.upstream.store import Store

QUERY_SECONDS = 120.0
_Key = tuple[str, int]


class Upstream:
    """A small Prometheus; it may be used from several threads.

    `pinned`: whether each question is answered as of the last scrape, whatever time it asks about.
    The same question then has the same bytes until the next scrape, which makes it a server that
    takes next to no time: what a bench wants, and no real one does.
    """

    def __init__(
        self,
        targets: Sequence[Target],
        *,
        keep: int = 24,
        pinned: bool = False,
        cache_bytes: int = 512 << 20,
    ) -> None:
        """`keep`: scrapes; `cache_bytes`: of answers that may be asked for again."""
        self._scrapers = [Scraper(target) for target in targets]
        self._store = Store(keep)
        self._pinned = pinned
        self._last_ms: int | None = None
        self._cache = _Cache(cache_bytes)
        self._guard = threading.Lock()

    def scrape(self, at: float, down: Collection[str] = ()) -> None:
        """Scrape all targets once; `at` is later than the last time. `down`: paths of some.

        Raises: `ValueError` for a time that is not.
        """
        at_ms = round(at * 1000)
        for number, scraper in enumerate(self._scrapers):
            scrape = scraper.scrape(at_ms, is_down=scraper.target.path in down)
            with self._guard:
                self._store.add(number, scrape)
        with self._guard:
            self._last_ms = at_ms
            self._cache.clear()

    def catch_up(self, now: float, interval: float, count: int) -> None:
        """Scrape what would have been scraped until now, so that there are rates at once."""
        for step in reversed(range(count)):
            self.scrape(now - step * interval)

    def answer(self, promql: str, at: float, timeout_seconds: float = QUERY_SECONDS) -> Answer:
        """What an instant query gives; of what it cannot answer, Prometheus' error."""
        deadline = time.monotonic() + timeout_seconds
        if not self._guard.acquire(timeout=timeout_seconds):
            return refusal(QueryTimeout())
        try:
            at_ms = round(at * 1000)
            if self._pinned and self._last_ms is not None:
                at_ms = self._last_ms
            if (known := self._cache.get((promql, at_ms))) is not None:
                return known
            answer = success(Evaluation(self._store, at_ms, deadline).value(parse(promql)), at_ms)
            self._cache.put((promql, at_ms), answer)
            return answer
        except QueryError as error:
            return refusal(error)
        finally:
            self._guard.release()


class _Cache:
    """Answers, the last used ones, up to a size."""

    def __init__(self, most_bytes: int) -> None:
        self._most_bytes = most_bytes
        self._bytes = 0
        self._answers: OrderedDict[_Key, Answer] = OrderedDict()

    def get(self, key: _Key) -> Answer | None:
        if (known := self._answers.get(key)) is not None:
            self._answers.move_to_end(key)
        return known

    def put(self, key: _Key, answer: Answer) -> None:
        self._answers[key] = answer
        self._bytes += len(answer.body)
        while self._bytes > self._most_bytes:
            self._bytes -= len(self._answers.popitem(last=False)[1].body)

    def clear(self) -> None:
        self._answers.clear()
        self._bytes = 0
