"""No exception of the HTTP libraries leaves the client, neither at the call nor in the body."""

import http.client
import io
import socket
import ssl
from collections.abc import Iterator
from typing import Any

import pytest
import requests
import urllib3.exceptions

from costwire_runtime.client import iter_body
from costwire_runtime.http_errors import (
    HttpError,
    Impossible,
    Unreachable,
    translated,
    without_credentials,
)


def _family(kind: type[BaseException]) -> Iterator[type[BaseException]]:
    yield kind
    for child in kind.__subclasses__():
        yield from _family(child)


def _instance(kind: type[BaseException]) -> BaseException:
    """An exception of the kind, whatever its constructor wants."""
    if kind.__name__ == "IncompleteRead":
        return kind(b"", 8) if kind.__module__ == "http.client" else kind(0, 8)
    if kind is urllib3.exceptions.InvalidChunkLength:
        return kind(urllib3.HTTPResponse(), b"?")
    error = kind.__new__(kind)
    error.args = ("http://handler/x?sig=abc",)
    return error


ROOTS = (
    requests.exceptions.RequestException,
    urllib3.exceptions.HTTPError,
    http.client.HTTPException,
    OSError,
)
KINDS = sorted(
    {
        kind
        for root in ROOTS
        for kind in _family(root)
        if kind.__module__.split(".")[0]
        in {"requests", "urllib3", "http", "builtins", "socket", "ssl"}
    },
    key=lambda kind: f"{kind.__module__}.{kind.__name__}",
)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: f"{kind.__module__}.{kind.__name__}")
def test_no_library_exception_escapes_a_call(scripted: Any, kind: type[BaseException]) -> None:
    client, _ = scripted(_instance(kind), retries=0)
    with pytest.raises(HttpError) as failed:
        client.get("/x")
    assert "sig=abc" not in str(failed.value)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: f"{kind.__module__}.{kind.__name__}")
def test_no_library_exception_escapes_a_body(
    scripted: Any, respond: Any, kind: type[BaseException]
) -> None:
    class Breaking(io.RawIOBase):
        def read(self, size: int = -1) -> bytes:
            raise _instance(kind)

    client, _ = scripted(respond(200, Breaking()), respond(200, Breaking()), retries=0)
    with pytest.raises(HttpError):
        list(iter_body(client.get("/x", stream=True)))
    with pytest.raises(HttpError):
        client.get("/x")


@pytest.mark.parametrize(
    ("error", "words"),
    [
        pytest.param(
            requests.exceptions.ConnectionError(
                urllib3.exceptions.ProtocolError("aborted", ConnectionResetError(104, "reset"))
            ),
            "the connection was reset",
            id="reset",
        ),
        pytest.param(
            requests.exceptions.ConnectionError(OSError(101, "Network is unreachable")),
            "network is unreachable",
            id="no route",
        ),
        pytest.param(
            requests.exceptions.ConnectionError(
                urllib3.exceptions.NameResolutionError(
                    "handler",
                    urllib3.connection.HTTPConnection("handler"),
                    socket.gaierror(-2, "?"),
                )
            ),
            "the host name has no address",
            id="unknown host",
        ),
        pytest.param(requests.exceptions.ReadTimeout(), "no answer in time", id="slow"),
    ],
)
def test_reason_is_told_in_words(error: Exception, words: str) -> None:
    ours = translated(error, "GET x")
    assert type(ours) is Unreachable
    assert str(ours) == f"GET x: {words}"


def test_untrusted_certificate_is_no_matter_of_trying_again() -> None:
    refused = ssl.SSLCertVerificationError(1, "certificate verify failed")
    refused.verify_message = "self-signed certificate"
    ours = translated(requests.exceptions.SSLError(urllib3.exceptions.SSLError(refused)), "GET x")
    assert isinstance(ours, Impossible)
    assert str(ours) == (
        "GET x: the certificate is not trusted (self-signed certificate); name the file of the "
        "authority that signed it"
    )


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        ("TLSV13_ALERT_CERTIFICATE_REQUIRED", "name the files of ours and its key"),
        ("TLSV1_ALERT_UNKNOWN_CA", "does not trust the certificate that we show"),
        ("SSLV3_ALERT_CERTIFICATE_EXPIRED", "the certificate that we show has expired"),
        ("TLSV1_ALERT_PROTOCOL_VERSION", "no version or cipher of TLS that we do"),
        ("UNSUPPORTED_PROTOCOL", "no version or cipher of TLS that we do"),
        ("WRONG_VERSION_NUMBER", "is it http://"),
        ("DECRYPTION_FAILED_OR_BAD_RECORD_MAC", "broke (DECRYPTION_FAILED_OR_BAD_RECORD_MAC)"),
    ],
)
def test_broken_handshake_says_what_to_do(reason: str, words: str) -> None:
    broken = ssl.SSLError(1, "a handshake")
    broken.reason = reason
    assert words in str(translated(requests.exceptions.SSLError(broken), "GET x"))


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://u:p@host:1/path?q=1#f", "https://host:1/path"),
        ("http://[::1]:8088/x", "http://[::1]:8088/x"),
        ("http://[::1", "an unreadable URL"),
    ],
)
def test_url_is_shown_without_credentials(url: str, shown: str) -> None:
    assert without_credentials(url) == shown
