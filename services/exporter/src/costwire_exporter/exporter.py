"""The parts of a running exporter, joined."""

import threading
from datetime import datetime
from typing import Self

from costwire_exporter.aggregate import Aggregates
from costwire_exporter.identity import Meaning, shelf_key
from costwire_exporter.metrics import Metrics
from costwire_exporter.poll import Poller
from costwire_exporter.publish import Publisher
from costwire_exporter.settings import Settings
from costwire_exporter.shelf import SPOOL, Shelf
from costwire_exporter.status import Status
from costwire_sources import Access, Wanted, open_source


class Exporter:
    """Holds the folder of deliveries from when it is made until it is closed."""

    def __init__(self, settings: Settings) -> None:
        """Raises `SourceError` and `ShelfError` for settings that cannot work."""
        self.stopping = threading.Event()
        source = open_source(
            settings.source,
            name=settings.source_name,
            spool_folder=settings.data_dir / SPOOL,
            access=Access(settings.source_anonymous, settings.source_instance_metadata),
            wanted=Wanted(settings.source_layout, settings.period),
        )
        meaning = Meaning(
            settings.table,
            settings.mode,
            settings.period,
            settings.currency,
            settings.dates,
            settings.focus_version,
            settings.encoding,
            settings.map_legacy,
        )
        self._serves_restored = settings.serve_restored
        self.shelf = Shelf(settings.data_dir, shelf_key(source.name, meaning))
        self.status = Status(source.name)
        self.metrics = Metrics(self.status.age_seconds)
        self.aggregates = Aggregates(settings.series_limit)
        publisher = Publisher(
            meaning,
            self.shelf,
            level=settings.compression_level,
            on_progress=self.status.reading,
            is_stopping=self.stopping.is_set,
        )
        self.poller = Poller(
            source,
            publisher,
            lambda: self.shelf.state,
            self.status,
            self.metrics,
            confirm=publisher.confirm,
            follow=self.aggregates.follow,
            interval_seconds=settings.polling_interval_seconds,
            retry_base_seconds=settings.retry_base_seconds,
        )
        self._tell_restored()

    def close(self) -> None:
        """Give the folder back."""
        self.shelf.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def is_serving(self) -> bool:
        """Whether there is a delivery to give out."""
        is_known = self._serves_restored or self.status.has_succeeded
        return is_known and self.shelf.current is not None

    def is_reading_first(self) -> bool:
        """Whether nothing is served because the first look at the source is still under way."""
        return not self.is_serving() and self.status.failure is None

    def why_not_ready(self) -> str | None:
        """Why nothing can be served; None when something is."""
        if self.is_serving():
            return None
        failure = self.status.failure
        return failure.reason if failure else "the first report is being read"

    def _tell_restored(self) -> None:
        delivery = self.shelf.current
        if delivery is not None:
            read = datetime.fromisoformat(delivery.manifest["times"]["read"])
            self.status.restored(read)
            self.metrics.last_success.set(read.timestamp())
            self.metrics.describe(delivery.manifest)
