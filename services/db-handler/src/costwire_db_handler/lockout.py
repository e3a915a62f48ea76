"""Slows down who guesses passwords, and nobody else; pure but for a lock.

Failures are counted by user and address together, by address, and by user. After some, credentials
are not looked at for a pause that doubles with each further failure. What is counted for an address
or a user alone never keeps out a pair that has signed in before: so whoever names others, or shares
their address, locks out no one but newcomers; who does both at once, the pair. Counts are forgotten
after a quiet while, when there are too many, and with a restart.
"""

from __future__ import annotations

import ipaddress
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

_FIRST_PAUSE_SECONDS = 1.0
_LONGEST_PAUSE_SECONDS = 300.0
_FORGET_SECONDS = 3_600.0
_KNOWN_SECONDS = 86_400.0
_MOST = 10_000
_OF_MANY = frozenset({"127.0.0.1", "::/64"})
"""Loopback: behind a proxy on the same machine it is everybody's."""
_NETWORK_BITS = 64
"""Of an address of IPv6, which a guesser can change as it likes below that."""
_LONGEST_NAME = 128
"""Longer ones, which a guesser may send, count by their beginning."""


class Free(NamedTuple):
    """How many failures have no consequence."""

    pair: int = 5
    address: int = 20
    user: int = 100


_FREE = Free()


@dataclass
class _Failures:
    count: int = 0
    last: float = 0.0
    until: float = 0.0


class Lockout:
    """What is known of failed sign-ins; safe to call from any thread."""

    def __init__(
        self,
        free: Free = _FREE,
        *,
        most: int = _MOST,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`most`: how many pairs, addresses and users are remembered, each."""
        self._free = free
        self._most = most
        self._clock = clock
        self._failures: OrderedDict[Hashable, _Failures] = OrderedDict()
        self._known: OrderedDict[tuple[str, str], float] = OrderedDict()
        self._lock = threading.Lock()

    def wait_seconds(self, name: str, address: str) -> float:
        """How long these credentials will not be looked at; not above 0: they will be."""
        with self._lock:
            now, pair = self._clock(), _pair(name, address)
            found = [self._failures.get(key) for key, _ in self._keys(pair, now)]
            return max((each.until - now for each in found if each), default=0.0)

    def failed(self, name: str, address: str) -> bool:
        """Count a failure; whether a pause has begun with it."""
        with self._lock:
            now, pair = self._clock(), _pair(name, address)
            return any([self._count(key, free, now) for key, free in self._keys(pair, now)])

    def succeeded(self, name: str, address: str) -> None:
        """Forget the failures of a pair, which is known from now on.

        Those of the address stay: an account of one's own is no way to guess at others.
        """
        with self._lock:
            pair = _pair(name, address)
            self._failures.pop(pair, None)
            self._known[pair] = self._clock()
            self._known.move_to_end(pair)
            while len(self._known) > self._most:
                self._known.popitem(last=False)

    def __len__(self) -> int:
        return len(self._failures) + len(self._known)

    def _keys(self, pair: tuple[str, str], now: float) -> Iterator[tuple[Hashable, int]]:
        """What is counted of a sign-in, and from what number on it has consequences."""
        yield pair, self._free.pair
        if now - self._known.get(pair, -_KNOWN_SECONDS) >= _KNOWN_SECONDS:
            if pair[1] not in _OF_MANY:
                yield ("address", pair[1], None), self._free.address
            yield ("user", pair[0], None), self._free.user

    def _count(self, key: Hashable, free: int, now: float) -> bool:
        found = self._failures.setdefault(key, _Failures())
        if now - found.last > _FORGET_SECONDS:
            found.count = 0
        found.count, found.last = found.count + 1, now
        self._failures.move_to_end(key)
        while len(self._failures) > 3 * self._most:
            self._failures.popitem(last=False)
        beyond = found.count - free
        if beyond < 0:
            return False
        pause = _FIRST_PAUSE_SECONDS * 2.0 ** min(beyond, 30)
        found.until = now + min(pause, _LONGEST_PAUSE_SECONDS)
        return True


def _pair(name: str, address: str) -> tuple[str, str]:
    return name[:_LONGEST_NAME], network_of(address)


def network_of(address: str) -> str:
    """What stands for an address: of IPv6 its network; an address of IPv4 within it is that one."""
    try:
        told = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(told, ipaddress.IPv6Address):
        if told.ipv4_mapped is not None:
            return str(told.ipv4_mapped)
        return str(ipaddress.ip_network((told, _NETWORK_BITS), strict=False))
    return str(told)
