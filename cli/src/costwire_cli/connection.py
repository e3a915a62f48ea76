"""Where the server of a command is, and how it is asked: what addresses and options tell."""

from __future__ import annotations

from argparse import Namespace
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit, urlunsplit

from costwire_cli.errors import CommandError

Credentials = tuple[str, str]
"""User and password."""
Certificate = tuple[Path, Path]
"""One of the user's own, and its key."""


@dataclass(frozen=True)
class Connection:
    """Where a server is, and who asks."""

    url: str
    sign_in: Credentials | None
    hint: str = ""
    """The options that name this store in a command that is suggested to the user."""
    ca_file: Path | None = None
    """What its certificate is checked with; None: the usual authorities."""
    certificate: Certificate | None = None


def trust(args: Namespace) -> tuple[Path | None, Certificate | None]:
    """The authorities of a command's options, and the user's certificate with its key."""
    given = (args.cert_file, args.key_file)
    if given.count(None) == 1:
        raise CommandError("sign in by certificate: give --cert-file and --key-file")
    return args.ca_file, None if None in given else given


def without_sign_in(url: str) -> tuple[str, Credentials | None]:
    """An address without user and password, query and last slash; and these two."""
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    sign_in = None
    if parts.username:
        sign_in = (unquote(parts.username), unquote(parts.password or ""))
    return urlunsplit((parts.scheme, host, parts.path.rstrip("/"), "", "")), sign_in
