"""The nodes of a cluster: which one is asked next, and which are left out for a while. No IO."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from costwire_db_handler.errors import CannotOpen

_PORT = 4200
_FIRST_PAUSE_SECONDS = 5.0
_LONGEST_PAUSE_SECONDS = 30.0


@dataclass
class Node:
    """One node, and until when it is left out."""

    name: str
    host: str
    port: int
    tls: bool
    out_until: float = 0.0
    _failures: int = 0
    _longer_from: float = 0.0

    def failed(self, now: float) -> None:
        """Leave it out; for longer when it had been left out before."""
        if now >= self._longer_from:
            self._failures += 1
            self._longer_from = now + self.pause_seconds
        self.out_until = now + self.pause_seconds

    def worked(self) -> None:
        """Ask it again as before."""
        self._failures, self.out_until, self._longer_from = 0, 0.0, 0.0

    @property
    def is_suspect(self) -> bool:
        """Whether its last answer was none."""
        return self._failures > 0

    @property
    def pause_seconds(self) -> float:
        """How long it is left out."""
        return min(_LONGEST_PAUSE_SECONDS, _FIRST_PAUSE_SECONDS * 2.0 ** max(0, self._failures - 1))


class Nodes:
    """The nodes in turn, without those that failed lately while there are others."""

    def __init__(self, urls: Sequence[str], monotonic: Callable[[], float]) -> None:
        if not urls:
            raise CannotOpen("open the store: no address of a CrateDB node is set")
        self._nodes = [_node(url) for url in urls]
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._turn = 0

    def __len__(self) -> int:
        return len(self._nodes)

    def pick(self, tried: Collection[str]) -> Node | None:
        """The next node that was not tried; where all are left out, the one out for longest."""
        with self._lock:
            self._turn += 1
            start = self._turn % len(self._nodes)
            waiting = self._nodes[start:] + self._nodes[:start]
            now = self._monotonic()
            ready = [n for n in waiting if n.out_until <= now and n.name not in tried]
            if not ready:
                return None if tried else min(waiting, key=lambda node: node.out_until)
            if ready[0].is_suspect:  # one request finds out, the others don't wait for it
                ready[0].out_until = now + ready[0].pause_seconds
            return ready[0]

    def failed(self, node: Node) -> None:
        """The node refuses, is not there or cannot serve."""
        with self._lock:
            node.failed(self._monotonic())

    def worked(self, node: Node) -> None:
        """The node has answered."""
        with self._lock:
            node.worked()


def _node(url: str) -> Node:
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        host = port = None
    if not host or parts.scheme not in {"http", "https"}:
        raise CannotOpen("open the store: an address of a node looks like http://host:4200")
    if parts.username or parts.password:
        raise CannotOpen(f"open the store: {host}: name and password go in settings of their own")
    if parts.path not in {"", "/"} or parts.query or parts.fragment:
        raise CannotOpen(f"open the store: {host}: an address of a node has no path")
    port = port or _PORT
    return Node(f"{parts.scheme}://{parts.netloc}", host, port, parts.scheme == "https")
