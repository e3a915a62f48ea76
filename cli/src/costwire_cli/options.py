"""Options that commands have in common, and how their values are read."""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias
from urllib.parse import urlsplit

from costwire_focus.encoding_names import encoding_name

DEFAULT_DATA = Path("costwire-data")
Subparsers: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"
_TABLE = re.compile(r"[a-z][a-z0-9_]{0,62}")
_PERIOD = re.compile(r"[0-9]{4}-(0[1-9]|1[0-2])")


def add_store(command: argparse.ArgumentParser) -> None:
    """Which store a command is for."""
    where = command.add_mutually_exclusive_group()
    where.add_argument(
        "--data",
        type=Path,
        default=DEFAULT_DATA,
        metavar="DIR",
        help="folder of the embedded store (default: ./costwire-data)",
    )
    where.add_argument(
        "--store",
        type=address,
        metavar="URL",
        help="a running database handler, e.g. https://user:password@host:8088",
    )
    add_certificates(command, "handler")


def add_certificates(command: argparse.ArgumentParser, server: str) -> None:
    """Whom a command trusts, and what it shows, where it asks a server over TLS."""
    for option, of in (
        ("--ca-file", f"authorities that the {server}'s certificate is checked with"),
        ("--cert-file", f"certificate of yours, where the {server} asks for one"),
        ("--key-file", "key of that certificate"),
    ):
        command.add_argument(option, type=Path, metavar="FILE", help=of)


def add_format(command: argparse.ArgumentParser, *choices: str) -> None:
    """In which form a command answers; the first where nothing is said."""
    first = choices[0]
    command.add_argument("--format", choices=choices, default=first, help=f"(default: {first})")


def _matching(pattern: re.Pattern[str], what: str) -> Callable[[str], str]:
    def read(text: str) -> str:
        if not pattern.fullmatch(text):
            raise argparse.ArgumentTypeError(f"{text!r} is not {what}")
        return text

    return read


def text_encoding(text: str) -> str:
    """The name of a text encoding, as an argument."""
    try:
        return encoding_name(text)
    except ValueError as unknown:
        raise argparse.ArgumentTypeError(str(unknown)) from unknown


table_name = _matching(_TABLE, "a table name (lower-case letters, digits, _)")
month = _matching(_PERIOD, "a month such as 2024-09")
currency_code = _matching(re.compile("[A-Z]{3}"), "a currency code such as USD")


def address(text: str) -> str:
    """The address of a server; a complaint does not repeat it, as it may hold a password."""
    try:
        parts = urlsplit(text)
        is_one = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        is_one = False
    if not is_one:
        raise argparse.ArgumentTypeError("give an http:// or https:// address")
    return text


def assignment(text: str) -> tuple[str, str]:
    """Read `name=value`."""
    name, equals, value = text.partition("=")
    if not name or not equals:
        raise argparse.ArgumentTypeError(f"{text!r} is not of the form name=value")
    return name, value


def at_least(minimum: int) -> Callable[[str], int]:
    """Reads a whole number that is no smaller."""

    def read(text: str) -> int:
        digits = text.replace("_", "")
        if not digits.isdecimal() or int(digits) < minimum:
            raise argparse.ArgumentTypeError(f"{text!r} is not a number from {minimum} on")
        return int(digits)

    return read
