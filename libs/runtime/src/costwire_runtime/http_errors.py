"""What can go wrong with a request of ours: one tree, and requests' exceptions put into it."""

import http.client
import ssl
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import requests
import urllib3.exceptions

from costwire_runtime.gunzip import Damaged
from costwire_runtime.pace import TooSlow
from costwire_runtime.session import RefusedRedirect
from costwire_runtime.transport import MetadataRefused

TRANSIENT_STATUSES = frozenset({408, 425, 429, 500, 502, 503, 504})
# Everything that requests and what it stands on may raise at a call or while a body is read.
# A host that no name can be and a header that isn't Latin-1 arrive as bare ValueErrors.
LIBRARY_ERRORS = (
    requests.exceptions.RequestException,
    urllib3.exceptions.HTTPError,
    http.client.HTTPException,
    OSError,
    ValueError,
)
_HOPELESS = (
    requests.exceptions.MissingSchema,
    requests.exceptions.InvalidSchema,
    requests.exceptions.InvalidURL,
    requests.exceptions.InvalidHeader,
    requests.exceptions.URLRequired,
    requests.exceptions.TooManyRedirects,
    RefusedRedirect,
    MetadataRefused,
    requests.exceptions.UnrewindableBodyError,
    requests.exceptions.InvalidJSONError,
    urllib3.exceptions.LocationValueError,
    ssl.SSLCertVerificationError,
)


class HttpError(Exception):
    """A request that didn't succeed; `transient` says whether trying again can help."""

    transient: bool = True
    retry_after_seconds: float | None = None
    """How long the server asked to be left alone."""


class Unreachable(HttpError):
    """No complete answer: refused, timed out, cut off."""


class BrokenBody(Unreachable):
    """The answer began, but its body is cut off or can't be decoded."""


class Impossible(Unreachable):
    """No answer is to be had this way: a wrong address, a certificate nobody here trusts."""

    transient = False


class TooLarge(Impossible):
    """The answer is larger than whoever asked can take."""


class HttpFailure(HttpError):
    """The answer says no: a status of 400 or more, with the problem that it told."""

    def __init__(
        self,
        act: str,
        status: int,
        problem: Mapping[str, Any],
        *,
        transient: bool | None = None,
        retry_after_seconds: float | None = None,
    ) -> None:
        self.status = status
        self.problem = dict(problem)
        self.transient = status in TRANSIENT_STATUSES if transient is None else transient
        self.retry_after_seconds = retry_after_seconds
        said = problem.get("detail") or problem.get("title") or "no reason given"
        super().__init__(f"{act}: {status}: {said}")


def translated(error: BaseException, act: str) -> Unreachable:
    """An exception of the HTTP libraries as one of ours."""
    causes = _causes(error)
    is_bare_value_error = isinstance(error, ValueError) and not isinstance(error, OSError | Damaged)
    if is_bare_value_error or any(isinstance(cause, _HOPELESS) for cause in causes):
        return Impossible(f"{act}: {_reason(causes)}")
    return Unreachable(f"{act}: {_reason(causes)}")


def without_credentials(url: str) -> str:
    """A URL fit for messages: no user, no password, no query, no fragment."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return "an unreadable URL"
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


def _causes(error: BaseException) -> list[BaseException]:
    """The exception and what it wraps, outermost first."""
    found: list[BaseException] = []
    waiting: list[Any] = [error]
    while waiting:
        current = waiting.pop(0)
        if not isinstance(current, BaseException) or any(current is known for known in found):
            continue
        found.append(current)
        waiting += [getattr(current, "reason", None), *current.args]
        waiting += [current.__cause__, current.__context__]
    return found


def _reason(causes: list[BaseException]) -> str:
    for cause in causes:
        if isinstance(cause, RefusedRedirect | MetadataRefused):
            return str(cause)
    for kind, text in _REASONS.items():
        for cause in causes:
            if isinstance(cause, kind):
                return _tls_reason(cause) if isinstance(cause, ssl.SSLError) else text
    for cause in causes:
        if isinstance(cause, OSError) and cause.strerror:
            return cause.strerror[:1].lower() + cause.strerror[1:]
    return "the request can't be made"


def _tls_reason(error: ssl.SSLError) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        detail = getattr(error, "verify_message", "") or "it cannot be verified"
        words = _UNVERIFIED.get(getattr(error, "verify_code", 0), _UNTRUSTED)
        return words.format(detail.rstrip("."))
    reason = getattr(error, "reason", None) or ""
    for part, words in _ALERTS.items():
        if part in reason:
            return words
    if isinstance(error, ssl.SSLEOFError):
        return (
            "the server hung up on TLS; where it always does, it may ask for a certificate of ours"
        )
    return "the TLS handshake broke" + (f" ({reason})" if reason else "")


_UNTRUSTED = "the certificate is not trusted ({}); name the file of the authority that signed it"
_OF_ANOTHER = "the server is not the one that its certificate names ({}); ask it by such a name"
_UNVERIFIED = {  # by OpenSSL's codes, X509_V_ERR_...
    9: "the certificate is not valid yet; is the clock right, here and there?",
    10: "the certificate has expired; it has to be renewed where the server runs",
    62: _OF_ANOTHER,
    64: _OF_ANOTHER,
}
_NOTHING_IN_COMMON = (
    "the server speaks no version or cipher of TLS that we do (1.2 and 1.3), or asks for a "
    "certificate of ours"
)
_ALERTS = {  # by parts of OpenSSL's reasons
    "CERTIFICATE_REQUIRED": "the server asks for a certificate; name the files of ours and its key",
    "WRONG_VERSION_NUMBER": "the server does not speak TLS there; is it http:// or another port?",
    "PROTOCOL_VERSION": _NOTHING_IN_COMMON,
    "UNSUPPORTED_PROTOCOL": _NOTHING_IN_COMMON,
    "HANDSHAKE_FAILURE": _NOTHING_IN_COMMON,
    "ALERT_UNKNOWN_CA": "the server does not trust the certificate that we show",
    "ALERT_CERTIFICATE_EXPIRED": "the server finds that the certificate that we show has expired",
}


# The first kind that is found among the causes gives the words; texts of the libraries that could
# hold a URL with its query are not repeated.
_REASONS: dict[type[BaseException], str] = {
    ssl.SSLCertVerificationError: "the certificate is not trusted",
    urllib3.exceptions.NameResolutionError: "the host name has no address",
    requests.exceptions.ConnectTimeout: "no connection in time",
    TooSlow: "the answer comes too slowly",
    Damaged: "the answer can't be decoded",
    urllib3.exceptions.ReadTimeoutError: "no answer in time",
    requests.exceptions.ReadTimeout: "no answer in time",
    ConnectionRefusedError: "connection refused; is it running there?",
    urllib3.exceptions.ProxyError: "the proxy doesn't let it through",
    ssl.SSLError: "the TLS handshake broke",
    urllib3.exceptions.IncompleteRead: "the answer was cut off",
    urllib3.exceptions.DecodeError: "the answer can't be decoded",
    requests.exceptions.ContentDecodingError: "the answer can't be decoded",
    ConnectionResetError: "the connection was reset",
    BrokenPipeError: "the connection was reset",
    urllib3.exceptions.ProtocolError: "the connection was closed",
    TimeoutError: "nothing moved in time",
    requests.exceptions.TooManyRedirects: "it redirects in a circle",
    urllib3.exceptions.InvalidHeader: "the headers of the answer contradict each other",
    requests.exceptions.InvalidHeader: "a header holds a character that headers can't",
    requests.exceptions.InvalidSchema: "only http and https are spoken",
    requests.exceptions.MissingSchema: "the address lacks http:// or https://",
    requests.exceptions.InvalidURL: "the address is no URL",
    urllib3.exceptions.LocationValueError: "the address is no URL",
}
