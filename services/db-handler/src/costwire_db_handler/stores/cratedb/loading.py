"""Writing charges: bulks of rows, several under way, and what became of each row."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

from costwire_db_handler.stores.cratedb.cluster import Item, Session
from costwire_db_handler.stores.cratedb.failures import (
    StatementRefused,
    StoreFailed,
    StoreOverloaded,
)
from costwire_db_handler.stores.cratedb.rows import Rows
from costwire_runtime.retries import Backoff

_TRIES = 8
_REFUSED_AT_MOST = 10_000
_TOLD = 500


@dataclass(frozen=True)
class Bulk:
    """How rows are sent."""

    rows: int = 2_000
    bytes: int = 4 << 20
    in_flight: int = 4


class RowsRefused(Exception):
    """Rows that the database does not take: nothing of the settlement may hold."""

    def __init__(self, reasons: dict[int, str]) -> None:
        """`reasons`: number of the row -> what the database said."""
        super().__init__(f"{len(reasons)} rows are refused")
        self.reasons = reasons


class Loader:
    """Sends bulks; the caller goes on while a few of them are under way."""

    def __init__(
        self,
        session: Session,
        statement: str,
        bulk: Bulk,
        check: Callable[[], None],
        pause: Callable[[float], None],
    ) -> None:
        """`check` raises when nothing may be written any more."""
        self._session = session
        self._statement = statement
        self._bulk = bulk
        self._check = check
        self._pause = pause
        self._backoff = Backoff()
        self.stored = 0
        self.refused: dict[int, str] = {}

    def load(self, batches: Iterable[Rows]) -> None:
        """Store batches.

        Raises: `RowsRefused` after all of them, when some were.
        """
        under_way: deque[Future[int]] = deque()
        with ThreadPoolExecutor(self._bulk.in_flight, thread_name_prefix="bulk") as pool:
            try:
                for rows in batches:
                    if len(under_way) >= self._bulk.in_flight:
                        self.stored += under_way.popleft().result()
                    under_way.append(pool.submit(self._store, rows))
                while under_way:
                    self.stored += under_way.popleft().result()
            finally:
                for future in under_way:
                    future.cancel()
        if self.refused:
            raise RowsRefused(self.refused)

    def _store(self, rows: Rows) -> int:
        """Send one batch until each of its rows is stored or refused; gives how many are stored."""
        stored = 0
        for attempt in range(_TRIES):
            self._check()
            items = self._send(rows)
            later = []
            for at, item in enumerate(items):
                # The key is of this attempt alone: a duplicate is our own, sent again.
                if item.rowcount >= 0 or item.is_duplicate:
                    stored += 1
                elif item.is_transient:
                    later.append(at)
                else:
                    number = rows.numbers[at].as_py()
                    self.refused[number] = (item.message or f"code {item.code}")[:_TOLD]
            if len(self.refused) > _REFUSED_AT_MOST:
                raise StoreFailed(
                    f"write charges: the store refuses more than {_REFUSED_AT_MOST:,} of them, "
                    f"e.g. {next(iter(self.refused.values()))}"
                )
            if not later:
                return stored
            rows = rows.take(later)
            self._pause(self._backoff.pause(attempt, None))
        raise StoreOverloaded("write charges: the store takes no more for now; try again later")

    def _send(self, rows: Rows) -> list[Item]:
        """Send a batch; one that is refused whole is sent row by row, to find out which rows."""
        try:
            return self._session.execute_many(self._statement, rows.json(), repeatable=True)
        except StatementRefused as refused:
            if len(rows) == 1:
                return [Item(-2, message=refused.detail)]
        half = len(rows) // 2
        return self._send(rows.slice(0, half)) + self._send(rows.slice(half, len(rows)))
