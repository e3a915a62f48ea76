"""Connections of a listener under limits: how many there are, and how long each may take.

uvicorn bounds the pause between two requests; what is added here is the time that a request's head
takes to come, the time that a client takes to fetch an answer, and the number of connections.
"""

import asyncio
import logging
import sys
from dataclasses import dataclass
from typing import Any

import h11
from uvicorn.config import Config
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.server import ServerState

from costwire_runtime.problems import (
    MEDIA_TYPE,
    BadRequest,
    Forbidden,
    HeadersTooLarge,
    Problem,
    RequestTimedOut,
    Unavailable,
    problem_body,
)
from costwire_runtime.settings import ServiceSettings
from costwire_runtime.tls import names_of

_logger = logging.getLogger(__name__)
_RETRY_SECONDS = 5
_LINGER_SECONDS = 2.0
"""How long what still comes is thrown away after a refusal: closing over unread bytes resets the
connection, and the client never reads why."""


class Overloaded(Unavailable):
    """Too many connections are open."""

    slug = "overloaded"
    title = "Too many connections"


@dataclass(frozen=True)
class ConnectionLimits:
    """What one listener's connections are held to."""

    connections: int
    header_seconds: float
    send_seconds: float
    allowed_names: frozenset[str] = frozenset()
    """Of which a client's certificate must hold one, if there are any."""

    @classmethod
    def of(
        cls, settings: ServiceSettings, allowed_names: frozenset[str] = frozenset()
    ) -> "ConnectionLimits":
        """The limits that the settings tell."""
        return cls(
            settings.connections_limit,
            settings.header_timeout_seconds,
            settings.send_timeout_seconds,
            allowed_names,
        )

    def protocol(self) -> type[asyncio.Protocol]:
        """What uvicorn makes of each connection."""
        limits = self

        class Limited(LimitedProtocol):
            def __init__(self, *args: Any, **options: Any) -> None:
                super().__init__(*args, limits=limits, **options)

        return Limited

    def event_loop(self) -> asyncio.AbstractEventLoop:
        """asyncio's own, whose TLS handshakes take no longer than heads."""
        seconds = self.header_seconds

        class Loop(asyncio.SelectorEventLoop):
            async def create_server(self, *args: Any, **options: Any) -> asyncio.Server:
                if options.get("ssl") is not None:
                    options["ssl_handshake_timeout"] = seconds
                return await super().create_server(*args, **options)

        return Loop()


class LimitedProtocol(H11Protocol):
    """uvicorn's connection, which ends when its client takes too long."""

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
        *,
        limits: ConnectionLimits,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self._limits = limits
        self._head: asyncio.TimerHandle | None = None
        self._fetching: asyncio.TimerHandle | None = None
        self._lingering: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """A client has connected; one too many is told so and hung up on."""
        super().connection_made(transport)
        if len(self.connections) > self._limits.connections:
            most = self._limits.connections
            self._refuse(
                Overloaded(
                    f"connect: {most} connections are open already; try again later",
                    headers={"Retry-After": str(_RETRY_SECONDS)},
                ),
                linger=False,
            )
            return
        allowed = self._limits.allowed_names
        if allowed and allowed.isdisjoint(names_of(transport.get_extra_info("peercert"))):
            self._refuse(Forbidden("connect: your certificate has none of the names allowed here"))
            return
        self._await_head()

    def data_received(self, data: bytes) -> None:
        """Bytes have come: of a head, of a body, or of what nobody wants to read any more."""
        if self._lingering is None:
            super().data_received(data)
            self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection has ended."""
        super().connection_lost(exc)
        for timer in (self._head, self._fetching, self._lingering):
            if timer is not None:
                timer.cancel()

    def pause_writing(self) -> None:
        """The client is behind with fetching."""
        super().pause_writing()
        if self._fetching is None:
            self._fetching = self.loop.call_later(self._limits.send_seconds, self._give_up)

    def resume_writing(self) -> None:
        """The client has caught up."""
        super().resume_writing()
        if self._fetching is not None:
            self._fetching.cancel()
            self._fetching = None

    def send_400_response(self, msg: str) -> None:
        """What uvicorn calls when bytes are no request; the reason is the exception it handles."""
        error = sys.exc_info()[1]
        too_large = getattr(error, "error_status_hint", 400) == HeadersTooLarge.status
        told = "read the request: its headers are too large" if too_large else msg
        self._refuse((HeadersTooLarge if too_large else BadRequest)(told))

    def _await_head(self) -> None:
        """Start the clock of the next head where nobody waits for an answer, else stop it.

        What comes of a body after its answer counts as waiting for the next head, too.
        """
        if self._lingering is not None:
            return
        if self.cycle is not None and not self.cycle.response_complete:
            if self._head is not None:
                self._head.cancel()
                self._head = None
        elif self._head is None:
            self._head = self.loop.call_later(self._limits.header_seconds, self._too_slow)

    def _too_slow(self) -> None:
        self._head = None
        if self.transport.is_closing() or self._lingering is not None:
            return
        seconds = self._limits.header_seconds
        self._refuse(RequestTimedOut(f"read the request: no whole head came within {seconds:g} s"))

    def _refuse(self, problem: Problem, *, linger: bool = True) -> None:
        """Tell why, if it is the time to speak, and hang up: after it is read, or at once."""
        speaks = self.conn.our_state is h11.IDLE
        if speaks:
            body = problem_body(problem, instance="")
            headers = {
                "Content-Type": MEDIA_TYPE,
                "Content-Length": str(len(body)),
                "Connection": "close",
                **problem.headers,
            }
            events = (
                h11.Response(status_code=problem.status, headers=list(headers.items())),
                h11.Data(data=body),
                h11.EndOfMessage(),
            )
            for event in events:
                self.transport.write(self.conn.send(event) or b"")
        if speaks and linger:
            self._linger()
        else:
            self.transport.close()

    def _linger(self) -> None:
        if self.transport.can_write_eof():
            self.transport.write_eof()
        self.flow.resume_reading()
        self._lingering = self.loop.call_later(_LINGER_SECONDS, self.transport.close)

    def _give_up(self) -> None:
        self._fetching = None
        _logger.info("a client fetched its answer too slowly, or not at all")
        self.transport.abort()
