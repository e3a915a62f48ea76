"""Statements to a CrateDB cluster over HTTP: fail-over, patience, and never twice by accident."""

from __future__ import annotations

import gzip
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from importlib.metadata import version
from typing import Any

from opentelemetry import propagate, trace
from opentelemetry.trace import Span, SpanKind, StatusCode

from costwire_db_handler.stores.cratedb import messages
from costwire_db_handler.stores.cratedb.connections import (
    CallerPool,
    CallerPools,
    Clock,
    ClusterOptions,
    Credentials,
    Limits,
    Lost,
    NoneFree,
    Reply,
    Request,
    TooMuch,
    Unsent,
    exchange,
)
from costwire_db_handler.stores.cratedb.failures import (
    AccountRefused,
    AnswerTooLarge,
    PrivilegeMissing,
    StoreFailed,
    StoreOverloaded,
    StoreProblem,
    WrongCredentials,
    failure_of,
)
from costwire_db_handler.stores.cratedb.messages import Answer, Forwarded, Item, Unreadable
from costwire_db_handler.stores.cratedb.nodes import Node, Nodes
from costwire_db_handler.stores.cratedb.told import read_told, said
from costwire_db_handler.stores.cratedb.tries import TARGET, Call, Patience, Tries
from costwire_runtime import metrics
from costwire_runtime.client import ClientTelemetry
from costwire_runtime.retries import Backoff

__all__ = [
    "Answer",
    "Clock",
    "Cluster",
    "ClusterOptions",
    "Credentials",
    "Forwarded",
    "Item",
    "Session",
]

_USER_AGENT = f"costwire/{version('costwire-db-handler')}"
_FORWARDED_HEADERS = frozenset({"accept", "content-encoding", "content-type", "default-schema"})
_ANSWERED_HEADERS = ("WWW-Authenticate", "Retry-After")
# A node may refuse a sign-in while a large body is on its way, and its words may get lost then.
_KNOCK_ABOVE_BYTES = 1 << 18


class Cluster:
    """The nodes of a cluster and the connections to them; safe to use from any thread.

    Raises: `CannotOpen` for an address or a file of authorities that cannot be used. Nothing
    connects before the first statement.
    """

    def __init__(
        self,
        options: ClusterOptions,
        *,
        clock: Clock | None = None,
        backoff: Backoff | None = None,
        telemetry: ClientTelemetry | None = None,
    ) -> None:
        self.options = options
        self.clock = clock or Clock()
        self._nodes = Nodes(options.urls, self.clock.monotonic)
        self._pools = CallerPools(options, self.clock.monotonic)
        self._patience = Patience(
            options.overload_seconds, len(self._nodes), self.clock, backoff or Backoff(), telemetry
        )

    def session(self, credentials: Credentials) -> Session:
        """Statements with the rights of this user.

        Raises: `WrongCredentials` for a name or a password that cannot be sent.
        """
        name, password = credentials.name, credentials.password
        if not name or ":" in name or not _is_text(name + password):
            raise WrongCredentials("sign in to the store: a name is not empty and has no colon")
        return Session(self, credentials)

    def own_session(self, account: Credentials | Callable[[], Credentials]) -> OwnSession:
        """Statements with the rights of the handler's own account.

        A function is asked before each statement: so its password may change.
        """
        return OwnSession(self, account)

    def forget_callers(self) -> None:
        """Have every password checked anew: users have changed."""
        self._pools.forget_all()

    def close(self) -> None:
        """Close the connections; what still runs closes its own."""
        self._pools.close()

    def answer(self, call: Call) -> Reply:
        """Send until a node answers, and with more than "later" unless the caller takes that."""
        tries = Tries(call, self._patience)
        while True:
            tries.check_time()
            node = self._nodes.pick(tries.tried)
            if node is None:
                if tries.reply is not None:
                    return tries.reply
                tries.pause()
                continue
            try:
                reply = self._send(call, node)
            except Unsent as failure:
                self._nodes.failed(node)
                tries.unsent(node, failure)
            except Lost as failure:
                if not failure.timed_out:  # a slow statement is no reason to leave the node out
                    self._nodes.failed(node)
                tries.lost(node, failure)
            else:
                if reply.status in {502, 503}:
                    self._nodes.failed(node)
                else:
                    self._nodes.worked(node)
                if tries.is_over(node, reply):
                    return reply

    def _send(self, call: Call, node: Node) -> Reply:
        try:
            with self._pools.lease(call.credentials, call.purpose) as pool:
                reply = self._knock(call, node, pool)
                if reply is None:
                    reply = self._exchange(call, node, pool, call.request)
                if reply.is_refused_sign_in or reply.may_be_of_dropped_user:
                    self._pools.forget(call.credentials, call.purpose)
                else:
                    pool.proven.add(node.name)
            if reply.may_be_of_dropped_user:
                return self._refusal(call, node) or reply
            return reply
        except TooMuch:
            raise AnswerTooLarge(
                f"{call.act}: the answer has more than {self.options.max_answer_bytes:,} bytes; "
                "select less"
            ) from None
        except NoneFree:
            raise StoreOverloaded(
                f"{call.act}: all connections of the user are in use; try again later"
            ) from None

    def _knock(self, call: Call, node: Node, pool: CallerPool) -> Reply | None:
        """Find out before much is sent whether the caller is let in; the answer when not."""
        if len(call.request.body) <= _KNOCK_ABOVE_BYTES or node.name in pool.proven:
            return None
        reply = self._exchange(call, node, pool, Request("HEAD", "/", {}, b""))
        return reply if reply.is_refused_sign_in else None

    def _refusal(self, call: Call, node: Node) -> Reply | None:
        """What CrateDB says on a new connection, where that is that it knows no such user."""
        body = messages.statement_body("SELECT 1", [])
        request = Request("POST", "/_sql", {"Content-Type": "application/json"}, body)
        with self._pools.lease(call.credentials, call.purpose) as pool:
            reply = self._exchange(call, node, pool, request)
        if not reply.is_refused_sign_in:
            return None
        self._pools.forget(call.credentials, call.purpose)
        return reply

    def _exchange(self, call: Call, node: Node, pool: CallerPool, request: Request) -> Reply:
        left = call.deadline - self.clock.monotonic()
        headers = {
            "User-Agent": _USER_AGENT,
            **request.headers,
            "Accept-Encoding": "gzip",
            "Authorization": pool.authorization,
        }
        limits = Limits(
            min(self.options.connect_seconds, max(0.001, left)),
            min(call.read_seconds, max(0.001, left)),
            self.options.max_answer_bytes,
            lambda: call.deadline - self.clock.monotonic(),
        )
        with pool.connections(node, kept=request.keep_connection) as connections:
            return exchange(connections, replace(request, headers=headers), limits)


class Session:
    """Statements with one user's rights; safe to use from any thread."""

    def __init__(self, cluster: Cluster, credentials: Credentials) -> None:
        self._cluster = cluster
        self._credentials = credentials

    @property
    def credentials(self) -> Credentials:
        """Whose rights these are."""
        return self._credentials

    def execute(
        self,
        statement: str,
        arguments: Sequence[Any] = (),
        *,
        timeout_seconds: float | None = None,
        repeatable: bool | None = None,
    ) -> Answer:
        """Run one statement.

        `repeatable` says that it does no harm twice: then it is sent again when its answer is lost
        or when it was broken off. Left out, that holds for SELECT, REFRESH and SHOW.

        Units:  `timeout_seconds` bounds all tries; decimals and integers beyond 64 bits travel as
                text, moments as milliseconds.
        Raises: the problems of `failures`.
        """
        body = messages.statement_body(statement, arguments)
        reply = self._run(statement, body, timeout_seconds, repeatable)
        try:
            return messages.read_answer(reply.body)
        except Unreadable:
            raise _not_cratedb(statement) from None

    def execute_many(
        self,
        statement: str,
        rows: bytes | memoryview,
        *,
        timeout_seconds: float | None = None,
        repeatable: bool | None = None,
    ) -> list[Item]:
        """Run a statement once for each row, and tell what became of each.

        `rows` is the JSON text of the rows without the outer brackets: `[1,"a"],[2,"b"]`.
        A value of the wrong type refuses all rows. As `execute` otherwise.
        """
        if not rows:
            return []
        body = messages.bulk_body(statement, rows)
        reply = self._run(statement, body, timeout_seconds, repeatable)
        try:
            return messages.read_items(reply.body)
        except Unreadable:
            raise _not_cratedb(statement) from None

    def forward(
        self,
        body: bytes,
        *,
        query: str = "",
        headers: Mapping[str, str] | None = None,
        timeout_seconds: float | None = None,
        repeatable: bool = False,
    ) -> Forwarded:
        """`POST /_sql` as it came, answered as CrateDB answers, whatever the status.

        Of the headers those pass that tell of the body, and `Default-Schema`. A statement that
        changes its session (`SET`) changes it for no other.
        Raises: `StoreUnreachable`, `StoreTimedOut`, `OutcomeUnknown`, `AnswerTooLarge`.
        """
        passed = {name.lower(): value for name, value in (headers or {}).items()}
        passed = {name: passed[name] for name in _FORWARDED_HEADERS & passed.keys()}
        with self._span("POST") as (span, carried):
            call = self._call(
                "send the statement to the store",
                Request(
                    "POST",
                    f"/_sql?{query.lstrip('?')}" if query else "/_sql",
                    {"content-type": "application/json", **passed, **carried},
                    body,
                    keep_connection=not messages.changes_session(body),
                ),
                timeout_seconds,
                repeatable=repeatable,
            )
            # CrateDB reads the schema once per connection.
            purpose = "forward " + passed.get("default-schema", "")
            reply = self._cluster.answer(replace(call, passes_answers_on=True, purpose=purpose))
            span.set_attribute(metrics.SPAN_ATTRIBUTE_STATUS, reply.status)
        kept = {name: reply.headers[name] for name in _ANSWERED_HEADERS if name in reply.headers}
        return Forwarded(reply.status, reply.content_type, reply.body, kept)

    def _run(
        self, statement: str, body: bytes, seconds: float | None, repeatable: bool | None
    ) -> Reply:
        word = messages.first_word(statement)
        with self._span(word) as (span, carried):
            call = self._call(
                _act(statement),
                self._packed({"Content-Type": "application/json", **carried}, body, word),
                seconds,
                repeatable=word in messages.READING if repeatable is None else repeatable,
            )
            reply = self._cluster.answer(call)
            span.set_attribute(metrics.SPAN_ATTRIBUTE_STATUS, reply.status)
            if reply.status >= 400:
                raise failure_of(call.act, read_told(reply.status, reply.body))
            if reply.status != 200:
                raise _not_cratedb(statement)
            return reply

    def _packed(self, headers: dict[str, str], body: bytes, word: str) -> Request:
        above = self._cluster.options.gzip_above_bytes
        if above is not None and len(body) > above:
            headers["Content-Encoding"] = "gzip"
            body = gzip.compress(body, compresslevel=1)
        keep_connection = word not in messages.SESSION_CHANGING
        return Request("POST", "/_sql", headers, body, keep_connection=keep_connection)

    def _call(self, act: str, request: Request, seconds: float | None, *, repeatable: bool) -> Call:
        options = self._cluster.options
        read_seconds = options.read_seconds if seconds is None else seconds
        whole = options.read_seconds + options.overload_seconds if seconds is None else seconds
        deadline = self._cluster.clock.monotonic() + whole
        return Call(act, self.credentials, request, repeatable, deadline, read_seconds)

    @contextmanager
    def _span(self, name: str) -> Iterator[tuple[Span, dict[str, str]]]:
        """A client span, and the headers that carry it; of the statement it has one word."""
        carried: dict[str, str] = {}
        tracer = trace.get_tracer("costwire_db_handler")
        with tracer.start_as_current_span(
            name, kind=SpanKind.CLIENT, record_exception=False, set_status_on_exception=False
        ) as span:
            span.set_attribute(metrics.SPAN_ATTRIBUTE_METHOD, "POST")
            span.set_attribute(metrics.SPAN_ATTRIBUTE_TARGET, TARGET)
            propagate.inject(carried)
            try:
                yield span, carried
            except StoreProblem:
                span.set_status(StatusCode.ERROR)
                raise


class OwnSession(Session):
    """The same for the handler's own account, whose lack of rights is no fault of a caller."""

    def __init__(self, cluster: Cluster, account: Credentials | Callable[[], Credentials]) -> None:
        self._account = account if callable(account) else lambda: account
        super().__init__(cluster, self._account())

    @property
    def credentials(self) -> Credentials:
        """As they are now."""
        return self._account()

    def _run(
        self, statement: str, body: bytes, seconds: float | None, repeatable: bool | None
    ) -> Reply:
        try:
            return super()._run(statement, body, seconds, repeatable)
        except (WrongCredentials, PrivilegeMissing) as problem:
            raise AccountRefused(
                f"{_act(statement)}: CrateDB refuses the handler's own account, "
                f"{self.credentials.name}: {said(problem.told) if problem.told else 'no sign-in'}; "
                "see its name, password and privileges",
                told=problem.told,
            ) from problem


def _act(statement: str) -> str:
    return f"{messages.first_word(statement)} in the store"


def _not_cratedb(statement: str) -> StoreFailed:
    return StoreFailed(f"{_act(statement)}: the answer is not CrateDB's; is it a CrateDB node?")


def _is_text(text: str) -> bool:
    return not any("\ud800" <= character <= "\udfff" for character in text)
