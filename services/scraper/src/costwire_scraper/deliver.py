"""Takes one shipment to the handler: announced, transferred, committed as a whole or aborted."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial

from costwire_scraper.errors import PartsConflict, Refused, ScraperError
from costwire_scraper.handler_client import CountsDiffer, HandlerClient, Opened, WholeWanted
from costwire_scraper.metrics import Metrics
from costwire_scraper.outcome import Entry
from costwire_scraper.shipment import Shipment
from costwire_scraper.transfer import Part, Transfer

_POSTS_AT_ONCE = 2
"""The handler receives one part while it stages another."""

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Courier:
    """How shipments travel: to which handler, how far decoding may run ahead, how long to wait."""

    handler: HandlerClient
    metrics: Metrics
    queue_blocks: int
    stall_seconds: float
    dry_run: bool = False
    wholes: deque[str] = field(default_factory=partial(deque, maxlen=1))
    """The delivery that is sent as a whole at the next try, if any."""

    def deliver(self, shipment: Shipment) -> Entry:
        """Deliver, and give the ledger's entry.

        Raises: `Transient` errors leave the staged parts for the next try; after `Refused` ones
                and after conflicting parts the open delivery is aborted.
        """
        opened = self.handler.open(shipment.manifest, dry_run=self.dry_run)
        if not opened.wants_parts:
            return opened.entry
        try:
            changed = self._send_changes(shipment, opened) if opened.takes_changes else None
            return changed or self._send(shipment, opened)
        except CountsDiffer as error:
            self._abort(opened)
            if opened.staged:
                raise PartsConflict(f"{error}; parts of an earlier try are thrown away") from error
            raise
        except (Refused, PartsConflict):
            self._abort(opened)
            raise

    def _send_changes(self, shipment: Shipment, opened: Opened) -> Entry | None:
        """Deliver what became of the delivery before; None where the whole is wanted."""
        commit = str(opened.entry["commit"])
        delivery = shipment.manifest.id
        if delivery in self.wholes:
            return None
        try:
            self._post_all(commit, shipment.changes)
            return self.handler.commit_changes(commit)
        except WholeWanted as error:
            log.info("the whole delivery is sent", extra={"reason": str(error)})
        except (Refused, PartsConflict) as error:
            log.warning("the whole delivery is sent", extra={"reason": str(error)})
        except ScraperError:
            self.wholes.append(delivery)  # what befell the changes need not befall the whole
            raise
        return None

    def _send(self, shipment: Shipment, opened: Opened) -> Entry:
        commit = str(opened.entry["commit"])
        self._post_all(commit, partial(shipment.parts, opened.staged))
        if shipment.manifest.rows.quarantined:
            with shipment.quarantine() as rows:
                self.handler.post_quarantine(commit, rows)
        entry = self.handler.commit(commit, dry_run=self.dry_run)
        if self.dry_run:
            self._abort(opened)
        return entry

    def _post_all(self, commit: str, produce: Callable[[], Iterator[Part]]) -> None:
        transfer = Transfer(produce, depth=self.queue_blocks, stall_seconds=self.stall_seconds)
        with ThreadPoolExecutor(_POSTS_AT_ONCE, "post") as pool, transfer as parts:
            posted: deque[Future[None]] = deque()
            for part in parts:
                if len(posted) == _POSTS_AT_ONCE:
                    posted.popleft().result()
                posted.append(pool.submit(self._post, commit, part))
            for post in posted:
                post.result()

    def _post(self, commit: str, part: Part) -> None:
        if part.body is not None:
            self.handler.post_part(commit, part.seq, part.body, part.kind)
            self.metrics.parts.inc()

    def _abort(self, opened: Opened) -> None:
        try:
            self.handler.abort(str(opened.entry["commit"]))
        except ScraperError as error:
            log.warning("abort delivery", extra={"reason": str(error)})
