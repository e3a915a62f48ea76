"""How a store may be asked: whose rights, which hosts, and how long everything may take."""

import re
import socket
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from requests.utils import get_environ_proxies, select_proxy

from costwire_runtime.metadata_addresses import is_metadata_host
from costwire_sources.access import Access
from costwire_sources.errors import Unreadable

if TYPE_CHECKING:
    from obstore.store import ClientConfig, RetryConfig

METADATA_HOST = "169.254.169.254"
METADATA_SECONDS = 1.0
NOWHERE = "127.0.0.1:0"
"""Nobody can listen here: the proxy to which redirects away from an endpoint lead."""
_HOST = re.compile(r"[a-z0-9._:-]+")
_TRUE = frozenset({"1", "true", "yes", "on", "t", "y"})


@dataclass(frozen=True)
class Patience:
    """Bounds of every wait, in seconds."""

    connect_seconds: float = 5.0
    read_seconds: float = 20.0
    """Between two pieces of an answer."""
    request_seconds: float = 120.0
    """From the start of a request to the end of its answer, which is at most 4 MiB."""
    retries: int = 5
    """Of one request; a range that breaks off goes on where it broke."""
    retry_seconds: float = 60.0
    """From the start of a request; no retry begins later."""
    first_pause_seconds: float = 0.2
    longest_pause_seconds: float = 5.0

    def client_options(
        self,
        environment: Mapping[str, str],
        *,
        endpoint: str | None,
        identity_hosts: Sequence[str] = (),
    ) -> "ClientConfig":
        """Plain HTTP is spoken only to an endpoint that says so, and nobody else is asked.

        `identity_hosts`: who is asked for credentials besides.
        """
        options: ClientConfig = {
            "allow_http": urlsplit(endpoint or "").scheme == "http",
            "connect_timeout": timedelta(seconds=self.connect_seconds),
            "read_timeout": timedelta(seconds=self.read_seconds),
            "timeout": timedelta(seconds=self.request_seconds),
            "user_agent": "costwire",
        }
        if endpoint:
            options |= _asking_only(endpoint, identity_hosts)
        bundle = environment.get("AWS_CA_BUNDLE") or environment.get("REQUESTS_CA_BUNDLE")
        if bundle:
            try:
                options["root_certificate"] = Path(bundle).read_bytes()
            except OSError as error:
                raise Unreadable(
                    f"read the certificates in {bundle}: {error.strerror}; mend AWS_CA_BUNDLE or "
                    "REQUESTS_CA_BUNDLE"
                ) from error
        return options

    def retry_config(self) -> "RetryConfig":
        """Growing pauses with jitter, a cap, and an end."""
        return {
            "max_retries": self.retries,
            "retry_timeout": timedelta(seconds=self.retry_seconds),
            "backoff": {
                "init_backoff": timedelta(seconds=self.first_pause_seconds),
                "max_backoff": timedelta(seconds=self.longest_pause_seconds),
            },
        }


def _asking_only(endpoint: str, identity_hosts: Sequence[str]) -> "ClientConfig":
    """Keeps the library from other hosts: it follows redirects, and takes session tokens along.

    It cannot be told not to, but whom to ask without a proxy; all others are given one that is
    none. Where there is a real one, that is asked, wherever a redirect leads.
    """
    urls = [endpoint, *(f"https://{host}" for host in identity_hosts)]
    if any(select_proxy(url, get_environ_proxies(url)) for url in urls):
        return {}
    host = urlsplit(endpoint).hostname or ""
    with suppress(OSError):  # as the library spells an address, or it is none
        host = socket.inet_ntoa(socket.inet_aton(host.rstrip(".")))
    return {"proxy_url": f"http://{NOWHERE}", "proxy_excludes": ",".join([host, *identity_hosts])}


def hosts_of(environment: Mapping[str, str], *names: str) -> list[str]:
    """The hosts of the URLs in these variables."""
    urls = (environment.get(name, "") for name in names)
    return [host for url in urls if (host := urlsplit(url).hostname)]


def is_set(environment: Mapping[str, str], *names: str) -> bool:
    """Whether one of these switches is on."""
    return any(environment.get(name, "").lower() in _TRUE for name in names)


def first_of(environment: Mapping[str, str], *names: str) -> str | None:
    """The first of these variables that is not empty."""
    return next((value for name in names if (value := environment.get(name))), None)


def checked_endpoint(endpoint: str, access: Access) -> str:
    """The endpoint without a slash at its end.

    Raises: `Unreadable` for what is no http(s) URL, holds credentials, or is a metadata address.
    """
    parts = urlsplit(endpoint)
    host = parts.hostname or ""
    # Others are unfolded by the library, to whatever address: `%31`, digits of other scripts.
    plain = parts.scheme in ("http", "https") and _HOST.fullmatch(host)
    if not plain or "@" in parts.netloc:
        raise Unreadable(
            "open an object store: its endpoint is no http(s) URL without credentials; "
            "write https://host:port, and the host in ASCII"
        )
    if is_metadata_host(host) and not access.instance_metadata:
        raise Unreadable(
            f"open an object store: its endpoint {host} is a metadata address, which is "
            "asked only where instance metadata is allowed"
        )
    return endpoint.rstrip("/")


def metadata_answers() -> bool:
    """Whether somebody listens at the metadata address; asked for a second at most."""
    try:
        with socket.create_connection((METADATA_HOST, 80), timeout=METADATA_SECONDS):
            return True
    except OSError:
        return False


def require_credentials(access: Access, name: str, where: str, *, found: bool) -> None:
    """Raise `Unreadable` when neither the chain nor an allowed metadata address has any."""
    if not found and not (access.instance_metadata and metadata_answers()):
        raise no_credentials(name, where)


def no_credentials(name: str, where: str) -> Unreadable:
    """What is told when the whole chain has nothing; `where` lists what can be set."""
    return Unreadable(
        f"read {name}: no credentials were found; set {where}, or allow what fits: anonymous "
        "access for a public bucket, instance metadata on a cloud machine"
    )
