"""Turns: one handler at a time changes a table, however many there are.

A turn is held in the table's row of `costwire.tables`, taken and kept by optimistic locking
(sequence number and primary term), and renewed while it is held; one that is not renewed was its
holder's end, and is taken over. A settlement within a turn:

    begin     the row gets the number of the state that is being written (`attempt`)
    ...       charges are written under that number, which no reader sees
    settle    one update gives the row the new `head` and the `outcome` for the ledger: the flip
    finish    the outcome is written into the ledger, and taken off the row

Whoever takes a turn first undoes an attempt that was not settled, and finishes one that was. Rows
of an attempt that was undone may still arrive afterwards, while a statement of its dead handler
comes to an end: they are looked for at each later turn, and before each flip.
"""

from __future__ import annotations

import contextlib
import logging
import threading
import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from types import TracebackType
from typing import Any, Self

from costwire_db_handler.errors import StoreBusy
from costwire_db_handler.stores.cratedb import ledger, removals, states
from costwire_db_handler.stores.cratedb.cluster import Session
from costwire_db_handler.stores.cratedb.failures import OutcomeUnknown, VersionConflict
from costwire_db_handler.stores.cratedb.layout import OPEN, Layout, hash_ranges

_FIELDS = "head, used, layout, holder, taken, attempt, outcome, undone"
_PAUSE_SECONDS = 0.1
_RENEWALS = 6
_UNDONE_KEPT = 100
_LATE_SECONDS = 1.0
_PIECE_ROWS = 100_000
_logger = logging.getLogger(__name__)


class TurnLost(StoreBusy):
    """Another handler has taken the turn over, because it was not renewed for too long."""


@dataclass(frozen=True)
class Row:
    """The row of a table."""

    head: int = 0
    used: int = 0
    layout: Layout | None = None
    holder: str | None = None
    attempt: int | None = None
    outcome: str | None = None
    undone: tuple[int, ...] = ()
    """The last attempts that were undone."""
    seq_no: int = 0
    primary_term: int = 0
    age_seconds: float = 0.0


@dataclass
class Turns:
    """How one process takes its turns."""

    replica: str
    """The name of this handler: of what it left behind at a kill, nobody else is the holder."""
    lease_seconds: float = 60.0
    wait_seconds: float = 45.0
    process: str = field(default_factory=lambda: uuid.uuid4().hex)
    _local: dict[str, threading.Lock] = field(default_factory=dict)
    _guard: threading.Lock = field(default_factory=threading.Lock)

    @contextlib.contextmanager
    def take(self, session: Session, table: str) -> Iterator[Turn]:
        """A turn; raises `StoreBusy` when none comes."""
        deadline = time.monotonic() + self.wait_seconds
        local = self._lock_of(table)
        if not local.acquire(timeout=self.wait_seconds):
            raise _busy(self.wait_seconds)
        try:
            turn = self._taken(session, table, deadline)
            with turn:
                turn.heal()
                yield turn
        finally:
            local.release()

    def _lock_of(self, table: str) -> threading.Lock:
        with self._guard:
            return self._local.setdefault(table, threading.Lock())

    def _taken(self, session: Session, table: str, deadline: float) -> Turn:
        holder = f"{self.replica}/{self.process}/{uuid.uuid4().hex}"
        while True:
            row = read_row(session, table)
            if row is None:
                _make_row(session, table)
            elif self._is_free(row):
                try:
                    return Turn(session, table, row, holder, self.lease_seconds)
                except VersionConflict:
                    time.sleep(_PAUSE_SECONDS)
            elif time.monotonic() > deadline:
                raise _busy(self.wait_seconds)
            else:
                time.sleep(_PAUSE_SECONDS)

    def _is_free(self, row: Row) -> bool:
        if row.holder is None or row.age_seconds > self.lease_seconds:
            return True
        replica, process, _ = row.holder.split("/")
        return replica == self.replica and process != self.process


class Turn:
    """The right to change one table, until it is given back or lost."""

    def __init__(
        self, session: Session, table: str, row: Row, holder: str, lease_seconds: float
    ) -> None:
        """Raises `VersionConflict` when another was faster."""
        self.table = table
        self._session = session
        self._row = row
        self._holder = holder
        self._lease_seconds = lease_seconds
        self._renewed = time.monotonic()
        self._lost = False
        self._changing = threading.Lock()
        self._stopped = threading.Event()
        self._renewing: threading.Thread | None = None
        self.change(holder=holder)

    @property
    def row(self) -> Row:
        """The table's row as it is."""
        return self._row

    def __enter__(self) -> Self:
        self._renewing = threading.Thread(target=self._renew, name="turn", daemon=True)
        self._renewing.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._stopped.set()
        if self._renewing is not None:
            self._renewing.join()
        try:
            if kind is not None or self._row.attempt is not None:
                self._look_again()
                self.heal()
            self.change(holder=None)
        except Exception:
            # Whoever takes the next turn does it.
            _logger.warning("a turn was not given back in order", exc_info=True)

    def _look_again(self) -> None:
        """Read the row anew and change it: what is still under way can no longer come about.

        Raises `TurnLost` when the turn is no longer ours; then there is nothing here to be done.
        """
        row = read_row(self._session, self.table)
        if row is None or row.holder != self._holder:
            self._lost = True
            raise TurnLost(f"change {self.table}: another handler has taken over; try again")
        self._row = row
        self.change(holder=self._holder)

    def is_ours(self) -> bool:
        """Whether the row says at this moment that the turn is still ours."""
        row = read_row(self._session, self.table)
        return row is not None and row.holder == self._holder

    def check(self) -> None:
        """Before each statement that writes charges: whether the turn is still ours."""
        silent = time.monotonic() - self._renewed > self._lease_seconds / 2
        if self._lost or silent:
            raise TurnLost(
                f"write {self.table}: the store was not heard of for too long; try again"
            )

    def change(self, **values: Any) -> None:
        """Change the row; raises `VersionConflict` when it is no longer as it was read."""
        told = {name: _stored(value) for name, value in values.items()}
        changes = ", ".join(f"{name} = ?" for name in told)
        with self._changing:
            before = self._row
            try:
                changed = self._session.execute(
                    f"UPDATE costwire.tables SET taken = CURRENT_TIMESTAMP::BIGINT, {changes} "
                    "WHERE name = ? AND _seq_no = ? AND _primary_term = ? "
                    "RETURNING _seq_no, _primary_term",
                    [*told.values(), self.table, before.seq_no, before.primary_term],
                ).rows
            except OutcomeUnknown:
                changed = self._read_back(replace(before, **values))
            if not changed:
                self._lost = True
                raise VersionConflict(f"change {self.table}: another handler did at the same time")
            ((seq_no, primary_term),) = changed
            self._row = replace(before, **values, seq_no=seq_no, primary_term=primary_term)
            self._renewed = time.monotonic()

    def _read_back(self, wanted: Row) -> list[list[int]]:
        """Where a change came about whose answer was lost; where it did not, it still may."""
        row = read_row(self._session, self.table) or Row()
        return [[row.seq_no, row.primary_term]] if _content(row) == _content(wanted) else []

    def begin(self, commit: int, next_number: Callable[[], int]) -> int:
        """The number of the state that is written now: never one that was tried before."""
        number = commit if commit > self._row.used else next_number()
        self.change(attempt=number, used=number)
        return number

    def settle(self, head: int, outcome: Callable[[], str]) -> None:
        """The flip: readers see the new state, and the ledger will say so.

        `outcome` is asked at the last moment, for it says when that was.
        """
        self._take_back(self._row.undone)
        told = outcome()
        self.check()
        self.change(head=head, outcome=told)
        self.finish()

    def finish(self) -> None:
        """Write the outcome into the ledger, and end the attempt."""
        outcome = self._row.outcome
        if outcome is None:
            return
        forgotten = ledger.write_outcome(self._session, outcome, self.require)
        if self._row.layout is not None:
            physical = self._row.layout.physical
            for number in forgotten:
                unseen = f'"_commit" = {number:d} AND "_last" < "_commit"'
                self._in_pieces(physical, f"DELETE FROM {physical}", unseen)
            for leaving in removals.decided(outcome, self._row.layout):
                self._in_pieces(
                    physical, f"DELETE FROM {physical}", leaving.text, leaving.arguments
                )
        self.change(outcome=None, attempt=None)

    def require(self) -> None:
        """Raises `TurnLost` unless the row says at this moment that the turn is ours."""
        if self._lost or not self.is_ours():
            self._lost = True
            raise TurnLost(f"change {self.table}: another handler has taken over; try again")

    def heal(self) -> None:
        """Finish what was settled, undo what was not; then the table is as its row says."""
        self.finish()
        row = self._row
        undone = row.undone
        if row.attempt is not None:
            undone = (*undone, row.attempt)[-_UNDONE_KEPT:]
        if undone:
            states.forget(self._session, self.table, undone)
        if row.attempt is None:
            self._take_back(undone)
            return
        # Statements of the attempt may still be under way, of a process that is no more.
        while self._take_back(undone):
            time.sleep(_LATE_SECONDS)
        self.change(attempt=None, undone=undone)

    def _take_back(self, undone: Sequence[int]) -> int:
        """Remove what attempts that were undone have added, open what they closed; gives how much.

        Also of earlier ones: a statement of theirs may have come to its end since.
        """
        if not undone or self._row.layout is None:
            return 0
        added = f'"_commit" = ANY({_numbers(undone)})'
        closed = f'"_last" = ANY({_numbers(number - 1 for number in undone)}) AND NOT ({added})'
        physical = self._row.layout.physical
        removed = self._in_pieces(physical, f"DELETE FROM {physical}", added)
        opened = self._in_pieces(physical, f'UPDATE {physical} SET "_last" = {OPEN:d}', closed)
        return removed + opened

    def _in_pieces(
        self, physical: str, statement: str, condition: str, arguments: Sequence[object] = ()
    ) -> int:
        """Run a change of rows so that no single statement takes long; gives how many there are."""
        self._session.execute(f"REFRESH TABLE {physical}")
        ((rows,),) = self._session.execute(
            f"SELECT count(*) FROM {physical} WHERE {condition}", arguments
        ).rows
        if rows:
            for low, high in hash_ranges(-(-rows // _PIECE_ROWS)):
                self.check()
                self._session.execute(
                    f"{statement} WHERE ({condition}) "
                    f'AND "_content_hi" >= {low:d} AND "_content_hi" <= {high:d}',
                    arguments,
                    repeatable=True,
                )
            self._session.execute(f"REFRESH TABLE {physical}")
        return int(rows)

    def _renew(self) -> None:
        while not self._stopped.wait(self._lease_seconds / _RENEWALS):
            try:
                self.change(holder=self._holder)
            except Exception:
                _logger.warning("a turn was not renewed", exc_info=True)


def read_row(session: Session, table: str) -> Row | None:
    """The row of a table as it is at this moment; None where the table is new."""
    rows = session.execute(
        f"SELECT {_FIELDS}, _seq_no, _primary_term, CURRENT_TIMESTAMP::BIGINT "
        "FROM costwire.tables WHERE name = ?",
        [table],
    ).rows
    if not rows:
        return None
    head, used, layout, holder, taken, attempt, outcome, undone, seq_no, term, now = rows[0]
    return Row(
        head=head,
        used=used,
        layout=None if layout is None else Layout.model_validate_json(layout),
        holder=holder,
        attempt=attempt,
        outcome=outcome,
        undone=tuple(undone or ()),
        seq_no=seq_no,
        primary_term=term,
        age_seconds=(now - (taken or 0)) / 1000,
    )


def _make_row(session: Session, table: str) -> None:
    session.execute(
        "INSERT INTO costwire.tables (name, head, used) VALUES (?, 0, 0) ON CONFLICT DO NOTHING",
        [table],
        repeatable=True,
    )


def _stored(value: Any) -> Any:
    if isinstance(value, Layout):
        return value.model_dump_json()
    return list(value) if isinstance(value, tuple) else value


def _numbers(numbers: Iterable[int]) -> str:
    return f"[{', '.join(f'{number:d}' for number in numbers)}]"


def _content(row: Row) -> Row:
    """What of a row is not CrateDB's own."""
    return replace(row, seq_no=0, primary_term=0, age_seconds=0.0)


def _busy(seconds: float) -> StoreBusy:
    return StoreBusy(
        f"write: another delivery has been settled for {seconds:g} seconds; try again in a while"
    )
