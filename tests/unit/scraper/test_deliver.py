"""What a courier does where changes cannot be delivered."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from costwire_scraper.deliver import Courier
from costwire_scraper.errors import HandlerSilent
from costwire_scraper.handler_client import Opened
from costwire_scraper.metrics import Metrics
from costwire_scraper.transfer import Part


class Handler:
    """Takes the whole; what is sent of changes fails as a test wants."""

    def __init__(self) -> None:
        self.posted: list[str | None] = []

    def open(self, manifest: Any, *, dry_run: bool) -> Opened:
        entry = {"commit": 1, "state": "open"}
        return Opened(entry, frozenset(), takes_changes=True)

    def post_part(self, commit: str, seq: int, body: bytes, kind: str | None = None) -> None:
        self.posted.append(kind)
        if kind is not None:
            raise HandlerSilent("post part 0: 500")

    def commit(self, commit: str, *, dry_run: bool) -> dict[str, Any]:
        return {"commit": 1, "state": "committed"}


class Shipment:
    manifest = SimpleNamespace(id="one", rows=SimpleNamespace(quarantined=0))

    def parts(self, staged: Collection[int]) -> Iterator[Part]:
        yield Part(0, 1, b"")

    def changes(self) -> Iterator[Part]:
        yield Part(0, 1, b"", "added")


def test_changes_that_fail_are_followed_by_the_whole() -> None:
    handler: Any = Handler()
    courier = Courier(handler, Metrics(), queue_blocks=1, stall_seconds=5.0)
    shipment: Any = Shipment()
    with pytest.raises(HandlerSilent):
        courier.deliver(shipment)
    assert courier.deliver(shipment)["state"] == "committed"
    assert handler.posted == ["added", None]
