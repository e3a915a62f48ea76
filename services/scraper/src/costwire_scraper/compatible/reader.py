"""Makes a delivery of what an exporter without `/delivery`, the original one, serves.

Such an exporter serves bare samples, and may serve half of them while it reads its source. So its
text is read until two readings in a row are equal, then checked and delivered from a spool.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import IO, TYPE_CHECKING

from costwire_focus.exposition import HEADER
from costwire_focus.manifest import Manifest
from costwire_runtime.clocks import later_than, utc_now
from costwire_scraper.compatible.folder import spool_folder
from costwire_scraper.errors import ExporterSilent
from costwire_scraper.exporter_client import ExporterClient
from costwire_scraper.settings import Settings
from costwire_scraper.transfer import Part

if TYPE_CHECKING:
    from costwire_scraper.compatible.spool import CompatibleSpool

MOST_READINGS = 5


@dataclass(frozen=True)
class CompatibleShipment:
    """A delivery made from spooled samples."""

    manifest: Manifest
    spool: CompatibleSpool

    def parts(self, staged: Collection[int]) -> Iterator[Part]:
        """The spooled parts."""
        for seq, path in enumerate(self.spool.parts):
            body = None if seq in staged else path.read_bytes()
            yield Part(seq, self.spool.rows_of[seq], body)

    def changes(self) -> Iterator[Part]:
        """Such an exporter tells none."""
        return iter(())

    @contextmanager
    def quarantine(self) -> Iterator[IO[bytes]]:
        """The rows that could not be delivered."""
        with self.spool.quarantine.open("rb") as file:
            yield file


class Order:
    """The times of readings, in their order: such an exporter tells no other generation."""

    def __init__(self, clock: Callable[[], datetime] = utc_now) -> None:
        self._clock = clock
        self._last: datetime | None = None

    def next(self) -> datetime:
        """The time of a reading that follows all others of this process."""
        self._last = later_than(self._last, self._clock())
        return self._last


@dataclass(frozen=True)
class CompatibleReader:
    """Makes deliveries from the samples of one exporter."""

    exporter: ExporterClient
    settings: Settings
    order: Order = field(default_factory=Order)

    @contextmanager
    def read(self) -> Iterator[CompatibleShipment]:
        """A delivery of what is served now; its spool is removed at the end.

        Raises: `ExporterSilent` while nothing is served, or while the samples keep changing.
        """
        # The rules take a third of a second to import, which other deliveries need not wait for.
        from costwire_scraper.compatible.spool import CompatibleSpool

        with spool_folder(self.settings.spool_dir) as folder:
            text = folder / "exposition"
            sha256 = self._read_until_settled(text)
            spool = CompatibleSpool(folder, self.settings.block_bytes)
            manifest = spool.fill(
                text,
                sha256,
                table=self.settings.table,
                source=self.settings.exporter_url,
                now=self.order.next(),
            )
            text.unlink()
            yield CompatibleShipment(manifest, spool)

    def _read_until_settled(self, text: Path) -> str:
        last = ""
        for reading in range(MOST_READINGS):
            if reading:
                time.sleep(self.settings.compatible_settle_seconds)
            sha256 = self._read_text(text)
            if sha256 == last:
                return sha256
            last = sha256
        raise ExporterSilent(
            f"read exposition: {MOST_READINGS} readings in a row all differ; the exporter still "
            "reads its source"
        )

    def _read_text(self, text: Path) -> str:
        digest = hashlib.sha256()
        with text.open("w+b") as file, self.exporter.exposition() as pieces:
            for piece in pieces:
                digest.update(piece)
                file.write(piece)
            if not file.tell():
                raise ExporterSilent("read exposition: the exporter serves no samples yet")
            file.seek(0)
            if file.read(len(HEADER)) == HEADER:
                # Without its manifest it would be delivered again, under another source's name.
                raise ExporterSilent(
                    "read exposition: it is a Costwire exporter's, whose /delivery was not found; "
                    "does a proxy pass /metrics alone?"
                )
        return digest.hexdigest()
