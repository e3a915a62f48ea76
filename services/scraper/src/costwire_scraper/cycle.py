"""One cycle of the scraper: what the exporter serves becomes the handler's newest delivery."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field

from costwire_scraper.compatible.reader import CompatibleReader
from costwire_scraper.deliver import Courier
from costwire_scraper.exporter_client import ExporterClient
from costwire_scraper.metrics import Metrics
from costwire_scraper.outcome import Outcome, OutcomeFile
from costwire_scraper.settings import Settings
from costwire_scraper.shipment import ServedShipment, Shipment

log = logging.getLogger(__name__)


@dataclass
class Cycle:
    """Reads, delivers, and remembers what was settled: a repeat costs two small requests."""

    exporter: ExporterClient
    courier: Courier
    compatible: CompatibleReader
    settings: Settings
    metrics: Metrics
    outcome_file: OutcomeFile
    _settled: Outcome | None = field(default=None, init=False)
    _settled_key: tuple[str, str] | None = field(default=None, init=False)

    def run(self) -> Outcome:
        """Settle what the exporter serves now. Raises: a `ScraperError`."""
        self.outcome_file.progress("asking", 0, 0)
        manifest = self.exporter.delivery()
        if manifest is None:
            # Such an exporter tells no generation: equal content is the settled delivery.
            with self.compatible.read() as compatible:
                return self._settle(compatible, (compatible.manifest.id, ""))
        served = ServedShipment(
            manifest,
            self.exporter,
            self.settings.block_bytes,
            TransferProgress(self.metrics, self.outcome_file),
            self.settings.spool_dir,
        )
        return self._settle(served, (manifest.id, str(manifest.generation)))

    def _settle(self, shipment: Shipment, key: tuple[str, str]) -> Outcome:
        manifest = shipment.manifest
        if self._settled is not None and key == self._settled_key and self._stands(self._settled):
            return Outcome(self._settled.entry, dry_run=self._settled.dry_run, repeated=True)
        entry = self.courier.deliver(shipment)
        log.info(
            "delivery settled",
            extra={
                "commit": entry["commit"],
                "delivery": manifest.id,
                "source": manifest.source,
                "state": entry["state"],
                "rows": entry["rows"],
            },
        )
        self._settled = Outcome(entry, dry_run=self.settings.dry_run)
        self._settled_key = key
        return self._settled

    def _stands(self, settled: Outcome) -> bool:
        """Whether the handler still has what was settled; a dry run leaves nothing there."""
        if settled.entry is None or settled.dry_run or self.courier.handler.has(settled.entry):
            return True
        log.warning(
            "the handler has lost a delivery, as after an older copy was put back; "
            "it is delivered again",
            extra={"commit": settled.entry["commit"], "delivery": settled.entry["id"]},
        )
        return False


class TransferProgress:
    """Counts decoded blocks into the metrics and the outcome file."""

    def __init__(self, metrics: Metrics, file: OutcomeFile) -> None:
        self._metrics = metrics
        self._file = file
        self._expected = self._samples = 0

    def expect(self, samples: int) -> None:
        """So many are to be decoded."""
        self._expected, self._samples = samples, 0
        self._metrics.transfer_expected_samples.set(samples)
        self._metrics.transfer_samples.set(0)

    def decoded(self, samples: int, text_bytes: int) -> None:
        """A block of the text was decoded."""
        self._samples += samples
        self._metrics.samples.inc(samples)
        self._metrics.exposition_bytes.inc(text_bytes)
        self._metrics.transfer_samples.set(self._samples)
        phase = "delivering" if self._samples < self._expected else "committing"
        self._file.progress(phase, self._samples, self._expected)
