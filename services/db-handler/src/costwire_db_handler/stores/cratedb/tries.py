"""When a statement is sent again, and when patience ends. No IO of its own."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, datetime

from costwire_db_handler.stores.cratedb.connections import (
    Clock,
    Credentials,
    Lost,
    Reply,
    Request,
    Unsent,
)
from costwire_db_handler.stores.cratedb.failures import (
    OutcomeUnknown,
    StoreProblem,
    StoreTimedOut,
    StoreUnreachable,
    failure_of,
)
from costwire_db_handler.stores.cratedb.nodes import Node
from costwire_db_handler.stores.cratedb.told import (
    UNKNOWN_SCHEMA,
    UNKNOWN_TABLE,
    Later,
    Told,
    read_told,
    said,
)
from costwire_runtime.client import ClientTelemetry
from costwire_runtime.retries import Backoff, retry_after_seconds

TARGET = "cratedb"
# For a moment after its start a node knows of no table; whoever asks then has a new connection.
_RECOVERY_SECONDS = 1.0


@dataclass(frozen=True)
class Call:
    """One statement on its way, with all its tries."""

    act: str
    """The beginning of what is told of its failure."""
    credentials: Credentials
    request: Request
    repeatable: bool
    """Whether it does no harm when it runs twice."""
    deadline: float
    read_seconds: float
    passes_answers_on: bool = False
    """Whether the caller takes every answer, and no patience is asked for."""
    purpose: str = ""


@dataclass(frozen=True)
class Patience:
    """How long is waited, and by which clock."""

    overload_seconds: float
    nodes: int
    clock: Clock
    backoff: Backoff
    telemetry: ClientTelemetry | None


class Tries:
    """The tries of one call: what they came to, and whether there is another."""

    def __init__(self, call: Call, patience: Patience) -> None:
        self._call = call
        self._patience = patience
        self._failure: StoreProblem = StoreUnreachable(f"{call.act}: no time is left")
        self._reason = "unreachable"
        self._hopeless: set[str] = set()
        self._asked_seconds: float | None = None
        self._patient_until = math.inf  # patience begins with the first failure
        self._has_timed_out = False
        self._pauses = 0
        self.tried: set[str] = set()
        """Names of the nodes that failed since the last pause."""
        self.reply: Reply | None = None
        """An answer that says "later", for a caller who takes any."""

    def check_time(self) -> None:
        """Raise the last failure when the call's time is over."""
        if self._patience.clock.monotonic() >= self._call.deadline:
            raise self._failure

    def unsent(self, node: Node, failure: Unsent) -> None:
        """Nothing was done; the next node may be asked."""
        self._failed(node, StoreUnreachable(f"{self._call.act}: {node.name}: {failure}"))
        if failure.hopeless:
            self._hopeless.add(node.name)
        if len(self._hopeless) == self._patience.nodes:
            raise self._failure

    def lost(self, node: Node, failure: Lost) -> None:
        """It may have been done: another node is asked only when that does no harm.

        After a time-out just one other node is: what takes so long would run many times.
        """
        act = self._call.act
        if not self._call.repeatable:
            raise OutcomeUnknown(
                f"{act}: {node.name}: {failure}, after it was sent; see whether it was done"
            )
        if not failure.timed_out:
            self._failed(node, StoreUnreachable(f"{act}: {node.name}: {failure}"), "lost")
            return
        self._failed(node, StoreTimedOut(f"{act}: {node.name}: {failure}; ask for less"), "lost")
        if self._has_timed_out or self._patience.nodes == 1:
            raise self._failure
        self._has_timed_out = True

    def is_over(self, node: Node, reply: Reply) -> bool:
        """Whether this is the answer; else another node, or another time, is tried."""
        if reply.status < 400:
            return True
        told = read_told(reply.status, reply.body)
        if self._call.passes_answers_on:
            return self._is_passed_on(node, reply, told)
        if told.code is None and reply.status in {502, 504}:
            self.lost(node, Lost(f"status {reply.status}, as of a proxy"))
        elif told.later is not Later.NO:
            header = reply.headers.get("Retry-After")
            self._later(node, reply, told, retry_after_seconds(header, datetime.now(UTC)))
        elif reply.is_on_new_connection and told.code in {UNKNOWN_TABLE, UNKNOWN_SCHEMA}:
            self._later(node, reply, told, _RECOVERY_SECONDS)
        else:
            return True
        return False

    def pause(self) -> None:
        """Wait before the next round; raises the last failure when patience ends."""
        clock = self._patience.clock
        pause = self._patience.backoff.pause(self._pauses, self._asked_seconds)
        give_up_at = min(self._patient_until, self._call.deadline)
        if self._has_timed_out or clock.monotonic() + pause >= give_up_at:
            raise self._failure
        if self._patience.telemetry is not None:
            self._patience.telemetry.retries.labels(TARGET, self._reason).inc()
        self._pauses += 1
        self._asked_seconds = None
        self.tried.clear()
        clock.sleep(pause)

    def _is_passed_on(self, node: Node, reply: Reply, told: Told) -> bool:
        if told.later is not Later.NOTHING_DONE or reply.status != 503:
            return True
        self.reply = reply
        self.tried.add(node.name)
        return False

    def _later(self, node: Node, reply: Reply, told: Told, asked_seconds: float | None) -> None:
        act = self._call.act
        if told.later is Later.PARTLY_DONE and not self._call.repeatable:
            raise OutcomeUnknown(
                f"{act}: broken off: {said(told)}; see whether it was done", told=told
            )
        self._asked_seconds = asked_seconds
        self._failed(node, failure_of(act, told), str(told.code or told.status))
        if reply.status != 503:  # a 503 is this node's trouble, the others are the cluster's
            self.pause()

    def _failed(self, node: Node, failure: StoreProblem, reason: str = "unreachable") -> None:
        self._failure, self._reason = failure, reason
        self.tried.add(node.name)
        if self._patient_until == math.inf:
            now = self._patience.clock.monotonic()
            self._patient_until = now + self._patience.overload_seconds
