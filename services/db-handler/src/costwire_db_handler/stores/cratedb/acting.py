"""What every operation on CrateDB begins with: whose rights, a turn, the means, and the flip."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import duckdb

from costwire_db_handler.charges.prepare import Preparer
from costwire_db_handler.decide import Thresholds
from costwire_db_handler.delivery import Delivery
from costwire_db_handler.errors import DeliveryNotOpen
from costwire_db_handler.ledger import State
from costwire_db_handler.settle import Settlement
from costwire_db_handler.stores import OnSettled, StoreLimits
from costwire_db_handler.stores.cratedb import erasing, ledger, states
from costwire_db_handler.stores.cratedb.books import CrateDBBooks
from costwire_db_handler.stores.cratedb.cluster import Session
from costwire_db_handler.stores.cratedb.layout import Storage
from costwire_db_handler.stores.cratedb.loading import Bulk
from costwire_db_handler.stores.cratedb.means import Means
from costwire_db_handler.stores.cratedb.parts import PartsStore
from costwire_db_handler.stores.cratedb.scratch import Scratch
from costwire_db_handler.stores.cratedb.sign_in import SignIn
from costwire_db_handler.stores.cratedb.statements import Statements
from costwire_db_handler.stores.cratedb.turns import Turn, Turns


@dataclass(frozen=True)
class Shared:
    """What the operations of all callers have in common."""

    own: Session
    """With the handler's own rights."""
    account: str
    """The user whose rights these are."""
    storage: Storage
    bulk: Bulk
    parts: PartsStore
    preparer: Preparer
    turns: Turns
    thresholds: Thresholds
    limits: StoreLimits
    scratch: Scratch
    statements: Statements
    sign_in: SignIn
    on_settled: OnSettled


class Acting:
    """A caller's way to the database."""

    def __init__(
        self, shared: Shared, session: Session, by: str | None, *, adopting: bool = False
    ) -> None:
        """`by`: who decides; None for the handler itself.

        `adopting`: deliveries go into a table that is being taken over.
        """
        self._shared = shared
        self._session = session
        self._by = by
        self._adopting = adopting

    def _open(self, commit: int) -> Delivery:
        delivery = ledger.get(self._session, commit)
        if delivery.entry.state is not State.OPEN:
            raise DeliveryNotOpen(
                f"delivery {commit} is {delivery.entry.state}; nothing can be added to it"
            )
        return delivery

    def _settlement(self, books: CrateDBBooks, delivery: Delivery) -> Settlement:
        return Settlement(books, delivery, self._shared.thresholds)

    @contextlib.contextmanager
    def _turn(self, table: str) -> Iterator[Turn]:
        with self._shared.turns.take(self._session, table) as turn:
            yield turn
            # An erasure whose handler was killed was finished when the turn was taken.
            erasing.merge_left(self._shared.own, turn)

    def _means(self, scratch: Callable[[], duckdb.DuckDBPyConnection] | None = None) -> Means:
        shared = self._shared
        return Means(
            self._session,
            shared.own,
            shared.storage,
            shared.bulk,
            scratch or duckdb.connect,
            adopting=self._adopting,
        )

    @contextlib.contextmanager
    def _means_with_scratch(self) -> Iterator[Means]:
        """Means with a database of keys that spills to disk."""
        shared = self._shared
        with shared.scratch.for_settlement(shared.turns.wait_seconds) as sql:
            yield self._means(lambda: sql)

    def _flip(self, turn: Turn, books: CrateDBBooks, conclude: Callable[[], Delivery]) -> Delivery:
        """Make what was settled visible, with the time of just before."""
        concluded: list[Delivery] = []

        def outcome() -> str:
            turn.check()
            concluded.append(conclude())
            states.note(self._session, concluded[-1])
            return books.outcome.to_json()

        turn.settle(turn.row.head if books.head is None else books.head, outcome)
        return concluded[-1]
