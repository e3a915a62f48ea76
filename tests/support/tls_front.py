"""TLS before a server of plain HTTP that can be made unfit between connections, and why it is."""

from __future__ import annotations

import socket
import ssl
import warnings
from collections.abc import Callable
from contextlib import suppress
from socketserver import BaseRequestHandler
from urllib.parse import urlsplit

from tests.support.certificates import Authority, Pair
from tests.support.local_server import LocalServer
from tests.support.relay import pass_both_ways

_HANDSHAKE_SECONDS = 10


class TlsFront(LocalServer):
    """Shows a certificate, and passes on what it decrypts to the server of an address."""

    scheme = "https"

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self.target = (parts.hostname or "", parts.port or 80)
        self.context: ssl.SSLContext | None = None
        """How connections from now on are answered; None: as if TLS were unknown here."""
        super().__init__(_Decrypting)

    def show(self, pair: Pair) -> ssl.SSLContext:
        """Show this certificate from the next connection on."""
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(pair.certificate, pair.key)
        return self.context


class _Decrypting(BaseRequestHandler):
    def handle(self) -> None:
        owner: TlsFront = self.server.owner  # type: ignore[attr-defined]
        self.request.settimeout(_HANDSHAKE_SECONDS)
        client = self.request
        if owner.context:
            client = owner.context.wrap_socket(
                client, server_side=True, do_handshake_on_connect=False
            )
            try:
                client.do_handshake()
            except OSError:
                _let_the_alert_arrive(client)
                return
        with client, suppress(OSError), socket.create_connection(owner.target) as server:
            pass_both_ways(client, server)


def _let_the_alert_arrive(client: ssl.SSLSocket) -> None:
    """Wait for the client to hang up: closing with bytes unread would reset the connection."""
    with suppress(OSError), socket.socket(fileno=client.detach()) as plain:
        plain.shutdown(socket.SHUT_WR)
        while plain.recv(1 << 16):
            pass


TlsFault = Callable[[TlsFront, Authority], object]


def _of_old_version(front: TlsFront, by: Authority) -> None:
    context = front.show(by.issue("old"))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version = ssl.TLSVersion.TLSv1
        context.maximum_version = ssl.TLSVersion.TLSv1_1


def _asks_for_a_certificate(front: TlsFront, by: Authority) -> None:
    context = front.show(by.issue("asking"))
    context.load_verify_locations(by.file)
    context.verify_mode = ssl.CERT_REQUIRED


def _of_nobody_known(front: TlsFront, by: Authority) -> None:
    front.show(Authority(by.file.parent / "foreign").issue("foreign"))


TLS_FAULTS: dict[str, tuple[TlsFault, str]] = {
    "expired": (
        lambda front, by: front.show(by.issue("expired", days=(-10, -1))),
        "has expired; it has to be renewed where the server runs",
    ),
    "not valid yet": (
        lambda front, by: front.show(by.issue("early", days=(1, 10))),
        "not valid yet; is the clock right",
    ),
    "of another host": (
        lambda front, by: front.show(by.issue("another", ["costs.example"])),
        "not the one that its certificate names .*127.0.0.1.*; ask it by such a name",
    ),
    "of nobody known": (_of_nobody_known, "not trusted .*; name the file of the authority"),
    "no TLS": (lambda front, _: setattr(front, "context", None), "does not speak TLS there"),
    "old TLS": (_of_old_version, "speaks no version or cipher of TLS that we do"),
    "asks for a certificate": (_asks_for_a_certificate, "asks? for a certificate"),
}
"""By name: what makes a front's TLS unfit, and what its clients are to say."""
