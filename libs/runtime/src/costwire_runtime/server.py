"""Serve an app until told to stop: bound socket, address file, TLS, graceful end."""

import asyncio
import errno
import functools
import gc
import ipaddress
import logging
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType

import uvicorn
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from costwire_runtime.connections import ConnectionLimits
from costwire_runtime.settings import ServiceSettings
from costwire_runtime.tls import ServerTls
from costwire_runtime.web_config import WebConfig

_logger = logging.getLogger(__name__)
_BACKLOG = 512
# What is left of the grace after requests had their share is for the app's own clean-up.
_REQUESTS_SHARE = 0.7
_FAILED = 1
# uvicorn writes the answers' Date anew at the ticks whose number is a multiple of ten.
_DATE_IS_DUE = 0
_TICK_SECONDS = 1.0


class CannotStart(Exception):
    """A service can't start, for a reason its user can mend; raised in a lifespan, too."""


class CannotListen(CannotStart):
    """The address can't be listened on; the message says which setting to change."""


def serve(
    app: ASGIApp,
    settings: ServiceSettings,
    web_config: WebConfig | None = None,
    *,
    own_sign_in: bool = False,
) -> None:
    """Serve until SIGTERM or SIGINT, then finish what runs within the grace of the settings.

    `own_sign_in` says that the app asks for credentials itself, so that listening beyond
    loopback without users in the web configuration is no reason for a warning.
    """
    try:
        listener = listen(settings)
    except CannotListen as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(_FAILED)
    tls = web_config.tls if web_config is not None else None
    url = address_url(settings.host, listener.getsockname()[1], secure=tls is not None)
    warning = None if own_sign_in else bind_warning(settings, web_config)
    if warning:
        _logger.warning(warning)
    guarded = _LifespanGuard(app)
    server = _Server(
        _uvicorn_config(guarded, settings, web_config, tls),
        _announcer(settings, url),
        settings.shutdown_grace_seconds,
    )
    # What start-up made lives as long as the process: no need to look at it in every collection.
    gc.collect()
    gc.freeze()
    with listener, _stopped_by_signals(server), _address_file_removed(settings, url):
        try:
            server.run(sockets=[listener])
        except SystemExit:
            _tell_failed_start(guarded.failure)
            sys.exit(_FAILED)
        finally:
            gc.unfreeze()  # what the interpreter cannot take down, libraries report as leaked
    _logger.info("stopped", extra={"url": url})


def listen(settings: ServiceSettings) -> socket.socket:
    """A socket that listens on the settings' address."""
    prefix = settings.model_config.get("env_prefix", "")
    where = f"listen on {settings.host} port {settings.port}"
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            settings.host, settings.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
    except OSError as error:
        raise CannotListen(
            f"{where}: the host has no address ({error}); set {prefix}HOST to another"
        ) from error
    listener = socket.socket(family, kind, protocol)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        # Two sockets may be bound to one port as long as neither listens.
        listener.listen(_BACKLOG)
    except OSError as error:
        listener.close()
        raise CannotListen(f"{where}: {_why_not(error, prefix)}") from error
    return listener


def address_url(host: str, port: int, *, secure: bool = False) -> str:
    """The URL under which this machine reaches a listener; a wildcard host is its loopback."""
    reachable = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 -- compared, not bound
    bracketed = f"[{reachable}]" if ":" in reachable else reachable
    return f"{'https' if secure else 'http'}://{bracketed}:{port}"


def bind_warning(settings: ServiceSettings, web_config: WebConfig | None) -> str | None:
    """What to warn of when the service listens beyond loopback and asks nobody to sign in."""
    if _is_loopback(settings.host) or (web_config is not None and web_config.has_users):
        return None
    prefix = settings.model_config.get("env_prefix", "")
    return (
        f"listening on {settings.host} without a sign-in: whoever reaches the port reads all; "
        f"set {prefix}WEB_CONFIG_FILE to a file with basic_auth_users"
    )


class _LifespanGuard:
    """The app, with the reason for a failed start kept and its traceback not repeated in logs."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self.failure: Exception | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "lifespan":
            await self._app(scope, receive, send)
            return

        async def send_without_traceback(message: Message) -> None:
            await send({"type": message["type"]})

        try:
            await self._app(scope, receive, send_without_traceback)
        except Exception as error:
            self.failure = error
            raise


def _tell_failed_start(failure: Exception | None) -> None:
    if isinstance(failure, CannotStart):
        sys.stderr.write(f"{failure}\n")
    else:
        _logger.error("start broke", exc_info=failure)


class _Server(uvicorn.Server):
    """uvicorn's server that says when it serves, sleeps while nobody asks, and ends within the
    grace whatever hangs."""

    def __init__(
        self, config: uvicorn.Config, on_started: Callable[[], None], grace_seconds: float
    ) -> None:
        super().__init__(config)
        self._on_started = on_started
        self._grace_seconds = grace_seconds
        self._last_resort: threading.Timer | None = None
        self._told_to_exit: Callable[[], object] | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._on_started()

    async def main_loop(self) -> None:
        """Wait for the end; uvicorn's own looks ten times a second whether it has come."""
        loop, told = asyncio.get_running_loop(), asyncio.Event()
        self._told_to_exit = functools.partial(loop.call_soon_threadsafe, told.set)
        while not await self.on_tick(_DATE_IS_DUE):
            with suppress(TimeoutError):
                async with asyncio.timeout(_TICK_SECONDS):
                    await told.wait()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        super().handle_exit(sig, frame)
        if self._told_to_exit is not None:
            self._told_to_exit()
        if self._last_resort is None:
            self._last_resort = threading.Timer(self._grace_seconds, _end_now)
            self._last_resort.daemon = True
            self._last_resort.start()


def _end_now() -> None:
    _logger.error("stop took longer than the grace; ended where it was")
    os._exit(_FAILED)


def _uvicorn_config(
    app: ASGIApp,
    settings: ServiceSettings,
    web_config: WebConfig | None,
    tls: ServerTls | None,
) -> uvicorn.Config:
    limits = ConnectionLimits.of(settings, tls.allowed_names if tls is not None else frozenset())
    return uvicorn.Config(
        app,
        http=limits.protocol(),
        loop=limits.event_loop,  # type: ignore[arg-type]  # what it would import by name
        h11_max_incomplete_event_size=settings.header_limit_kib * 1024,
        lifespan="on",
        ws="none",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        headers=list(web_config.headers.items()) if web_config is not None else None,
        timeout_keep_alive=settings.keep_alive_seconds,
        timeout_graceful_shutdown=int(settings.shutdown_grace_seconds * _REQUESTS_SHARE),
        ssl_context_factory=None if tls is None else lambda _config, _default: tls.context,
    )


def _announcer(settings: ServiceSettings, url: str) -> Callable[[], None]:
    def announce() -> None:
        if settings.address_file is not None:
            _write_atomically(settings.address_file, f"{url}\n")
        _logger.info("serving", extra={"url": url})

    return announce


def _write_atomically(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.write_text(text, "utf-8")
    draft.replace(path)


@contextmanager
def _address_file_removed(settings: ServiceSettings, url: str) -> Iterator[None]:
    try:
        yield
    finally:
        path = settings.address_file
        # A successor may have written its own address meanwhile.
        if path is not None and path.is_file() and path.read_text("utf-8") == f"{url}\n":
            path.unlink(missing_ok=True)


@contextmanager
def _stopped_by_signals(server: uvicorn.Server) -> Iterator[None]:
    """Let the process end by itself: at its end uvicorn raises the signal that stopped it again."""

    def stop(_signal: int, _frame: FrameType | None) -> None:
        server.should_exit = True

    previous = {number: signal.signal(number, stop) for number in uvicorn.server.HANDLED_SIGNALS}
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _why_not(error: OSError, prefix: str) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"the port is taken; stop what uses it, or set {prefix}PORT to another (0: any free)"
    if error.errno == errno.EACCES:
        return f"this user may not use the port; set {prefix}PORT to 1024 or above"
    if error.errno == errno.EADDRNOTAVAIL:
        return f"this machine doesn't have the address; set {prefix}HOST to one that it has"
    return f"{error.strerror}; set {prefix}HOST and {prefix}PORT to what this machine has"
