"""Chances that are the same on every machine: each depends on what it is of, and on that alone."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b
from typing import TypeVar

_T = TypeVar("_T")
_STEPS = 1 << 48
_POD_LETTERS = "bcdfghjklmnpqrstvwxz2456789"
"""Of the endings that Kubernetes makes up."""


def draw(*of: object) -> int:
    """48 random bits."""
    return int.from_bytes(blake2b(repr(of).encode(), digest_size=6).digest(), "big")


def share(*of: object) -> float:
    """From 0 up to, not including, 1."""
    return draw(*of) / _STEPS


def between(least: float, most: float, *of: object) -> float:
    """Evenly between the two."""
    return least + (most - least) * share(*of)


def pick(options: Sequence[_T], *of: object) -> _T:
    """One of them."""
    return options[draw(*of) % len(options)]


def hexes(count: int, *of: object) -> str:
    """Hexadecimal digits; at most 128."""
    return blake2b(repr(of).encode()).hexdigest()[:count]


def uuid(*of: object) -> str:
    """A UUID, as of version 4."""
    text = hexes(30, *of)
    return f"{text[:8]}-{text[8:12]}-4{text[12:15]}-a{text[15:18]}-{text[18:30]}"


def ending(count: int, *of: object) -> str:
    """What Kubernetes puts behind the names of what it makes."""
    digest = blake2b(repr(of).encode(), digest_size=count).digest()
    return "".join([_POD_LETTERS[byte % len(_POD_LETTERS)] for byte in digest])
