"""From a reading to a delivery on the shelf: checked, rendered once, counted twice."""

import logging
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from costwire_exporter.ahead import read_ahead
from costwire_exporter.blocks import ExpositionWriter
from costwire_exporter.errors import NotPublishable, NotRevisable, PublishError, Stopped
from costwire_exporter.identity import Meaning, content_hash, delivery_id
from costwire_exporter.quarantine import QuarantineWriter
from costwire_exporter.record_index import IndexWriter, RecordIndex, revisable_pairs
from costwire_exporter.report_run import BATCH_BYTES, ReportRun, Resumed
from costwire_exporter.revise import Revision
from costwire_exporter.shelf import MANIFEST, QUARANTINE, Delivery, Shelf
from costwire_exporter.status import Progress
from costwire_exporter.tally import Tally
from costwire_exporter.text import EXPOSITION
from costwire_focus.amounts import CostSums
from costwire_focus.batch import Unusable
from costwire_focus.canonical import to_text
from costwire_focus.conform import united_columns
from costwire_focus.errors import FocusError
from costwire_focus.exposition import RENDERER_VERSION
from costwire_focus.exposition.labels import label_names
from costwire_focus.foreign import refuse_foreign
from costwire_focus.legacy import mapped_names
from costwire_focus.manifest import (
    Changes,
    ColumnLabel,
    Exposition,
    FindingCount,
    Manifest,
    ManifestTimes,
    Scope,
)
from costwire_focus.readers import open_report
from costwire_focus.readers.record_hashes import RecordHashes
from costwire_focus.versions import detect
from costwire_runtime.clocks import later_than, utc_now
from costwire_sources.errors import SourceError
from costwire_sources.source import Part, Reading

_logger = logging.getLogger(__name__)
_HEADER_BYTES = 1 << 20
_CLOCKS_DIFFER = timedelta(hours=1)


class Publisher:
    """Publishes what a source holds, for one meaning of its bytes."""

    def __init__(
        self,
        meaning: Meaning,
        shelf: Shelf,
        *,
        level: int,
        on_progress: Callable[[Progress], None],
        is_stopping: Callable[[], bool],
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        self._meaning = meaning
        self._shelf = shelf
        self._level = level
        self._on_progress = on_progress
        self._is_stopping = is_stopping
        self._clock = clock

    def __call__(self, reading: Reading) -> Delivery | None:
        """Publish a reading; None when its content is what is being served.

        Raises: `SourceError` and `PublishError`; what was served before is served on.
        """
        meaning = _declared(self._meaning, reading.months)
        with ThreadPoolExecutor(1, "content-hash") as beside:
            content = beside.submit(_content_id, meaning, reading.parts)
            try:
                with self._shelf.borrow() as base:
                    return self._published(reading, meaning, base, content)
            except _IsServed:
                generation = _generation(reading, self._time_of_reading())
                self._confirm(reading.state, to_text(generation))
                return None
            except FocusError as error:
                raise NotPublishable(str(error)) from error

    def confirm(self) -> None:
        """What an earlier process published was found to be what the source holds now.

        That is a reading, too: by its time a return to a report is told from one that comes late.
        """
        current, state = self._shelf.current, self._shelf.state
        if current is not None and state is not None:
            self._confirm(state, current.manifest["generation"])

    def _confirm(self, state: str, generation: str) -> None:
        self._shelf.confirm(state, generation, to_text(self._time_of_reading()))

    def _published(
        self, reading: Reading, meaning: Meaning, base: Delivery | None, content: "Future[str]"
    ) -> Delivery:
        """`base`: the delivery being served."""
        read = self._time_of_reading()
        require_other = partial(_require_other, base, reading, content)
        if base is not None and _is_revisable(meaning):
            try:
                with self._shelf.draft() as folder:
                    changed = self._changed(folder, reading, meaning, base, require_other)
                    return self._put(folder, reading, read, changed, content)
            except (NotRevisable, FocusError) as reason:
                _logger.info("the report is read as a whole", extra={"reason": str(reason)})
            except (_IsServed, PublishError, SourceError):
                raise
            except Exception:
                _logger.exception("the report is read as a whole")
        require_other()
        with self._shelf.draft() as folder:
            whole = self._whole(folder, reading, meaning)
            return self._put(folder, reading, read, whole, content)

    def _put(
        self,
        folder: Path,
        reading: Reading,
        read: datetime,
        rendered: "_Rendered",
        content: "Future[str]",
    ) -> Delivery:
        manifest = self._manifest(reading, read, rendered, content)
        (folder / MANIFEST).write_text(manifest.to_json(), encoding="utf-8")
        return self._shelf.publish(folder, reading.state)

    def _manifest(
        self, reading: Reading, read: datetime, rendered: "_Rendered", content: "Future[str]"
    ) -> Manifest:
        run, meaning = rendered.run, rendered.meaning
        generation = _generation(reading, read)
        if generation != reading.generation:
            run.remark_time(reading)
        return Manifest(
            id=content.result(),
            table=meaning.table,
            source=reading.name,
            mode=meaning.mode,
            generation=generation,
            focus_version=run.version,
            columns=[
                ColumnLabel(name=name, label=label)
                for name, label in label_names(run.columns).items()
            ],
            scope=Scope(
                declared=list(meaning.period) or None,
                billing_periods=run.tally.billing_periods(),
            ),
            rows=run.tally.rows,
            sums=run.tally.sums(),
            recount=run.second_count(),
            findings=run.findings(rendered.of_charges),
            mapped=run.legacy.mappings() if run.legacy else [],
            currency=meaning.currency,
            dates=meaning.dates,
            exposition=rendered.exposition,
            changes=rendered.changes,
            times=ManifestTimes(read=read),
        )

    def _whole(self, folder: Path, reading: Reading, meaning: Meaning) -> "_Rendered":
        headers = [self._header(part) for part in reading.parts]
        if not any(header for _, header in headers):
            raise NotPublishable(f"read {reading.name}: it holds no record to name a column")
        columns = united_columns([names for names, _ in headers], meaning.currency)
        version = meaning.focus_version or detect(columns)
        run = ReportRun(meaning, columns, version, reading.parts)
        with IndexWriter(folder) as index:
            if not _is_revisable(meaning):
                index.abandon()
            with (
                ExpositionWriter(folder / EXPOSITION, self._level) as exposition,
                QuarantineWriter(folder / QUARANTINE) as quarantine,
            ):
                exposition.write(lambda: [run.renderer.header()])
                for part, (_, header) in zip(reading.parts, headers, strict=True):
                    self._read(part, header, run, exposition, quarantine, index)
                exposition.write(lambda: [run.renderer.footer()])
            # Once all is rendered.
            index.finish(run, revisable_pairs(run.validator) if index.is_wanted else None)
        written = exposition.written()
        return _Rendered(run, meaning, written.of(run.renderer.samples))

    def _changed(
        self,
        folder: Path,
        reading: Reading,
        meaning: Meaning,
        base: Delivery,
        require_other: Callable[[], None],
    ) -> "_Rendered":
        index = _index_of(base, reading, meaning)
        if index.bytes == sum(part.size for part in reading.parts):
            require_other()  # it was most likely written anew as it was
        if any(self._header(part)[0] != index.columns for part in reading.parts):
            raise NotRevisable("its columns changed")
        before = Manifest.model_validate(base.manifest)
        tally = Tally.resumed(CostSums.of(before.published_sums()), index.named)
        resumed = Resumed(tally, index.pairs(), index.copies())
        run = ReportRun(meaning, index.columns, before.focus_version, reading.parts, resumed)
        (folder / QUARANTINE).touch()
        with Revision(
            folder, base, index, run, level=self._level, is_stopping=self._is_stopping
        ) as revision:
            revision.read(reading.parts, meaning.encoding, self._on_progress)
            require_other()
            revision.write()
        return _Rendered(
            run,
            meaning,
            revision.whole,
            Changes(since=base.id, added=revision.added, removed=revision.removed),
            revision.findings,
        )

    def _time_of_reading(self) -> datetime:
        """After that of the delivery being served: a return to an older file is told by it."""
        current = self._shelf.current
        last = datetime.fromisoformat(current.manifest["times"]["read"]) if current else None
        return later_than(last, self._clock())

    def _header(self, part: Part) -> tuple[list[str], tuple[str, ...]]:
        """The columns of a part, and its header as it stands there; none of a part without records.

        Raises: `NotFocus` for what is no cost report.
        """
        with part.open() as stream:
            report = open_report(
                stream, part.name, batch_bytes=_HEADER_BYTES, encoding=self._meaning.encoding
            )
        names = mapped_names(report.names) if self._meaning.map_legacy else report.names
        if names:
            refuse_foreign(names)
        return names, report.header

    def _read(
        self,
        part: Part,
        header: tuple[str, ...],
        run: ReportRun,
        exposition: ExpositionWriter,
        quarantine: QuarantineWriter,
        index: IndexWriter,
    ) -> None:
        run.tally.begin_part()
        uncut: list[Unusable] = []
        with part.open() as stream:
            report = open_report(
                stream,
                part.name,
                batch_bytes=BATCH_BYTES,
                encoding=self._meaning.encoding,
                header=header,
                known=_none_known if index.is_wanted else None,
            )
            with read_ahead(report.batches()) as batches:
                for found in batches:
                    if self._is_stopping():
                        raise Stopped("publish: the exporter is being stopped")
                    if not header:
                        continue
                    batch = run.legacy.map(found) if run.legacy else found
                    checked = run.validator.check(batch)
                    charges = run.conformed(checked.charges)
                    exposition.write(partial(run.renderer.blocks, charges))
                    quarantine.write(batch, checked, run.conformed)
                    index.add(batch, checked)
                    uncut += batch.unusable
                    run.tally.add(batch, checked, charges)
                    self._on_progress(run.progress(stream.tell()))
            part.verify()
            run.compare(part, report, uncut)


@dataclass(frozen=True)
class _Rendered:
    """What was written into the folder of a delivery."""

    run: ReportRun
    meaning: Meaning
    exposition: Exposition
    changes: Changes | None = None
    of_charges: Mapping[str, FindingCount] | None = None
    """Which rules charges break, where the run has not seen all of them."""


def _is_revisable(meaning: Meaning) -> bool:
    """Whether a charge is published as its record says, and stands for itself alone."""
    is_as_read = meaning.currency is None and meaning.dates is None and not meaning.map_legacy
    return is_as_read and meaning.mode == "replace"


class _IsServed(Exception):
    """What is read is what is being served."""


def _require_other(base: Delivery | None, reading: Reading, content: "Future[str]") -> None:
    """Raise `_IsServed`; waits for the content's id only where it could be so."""
    if base is None or base.manifest["source"] != reading.name:
        return
    if (base.renderer, base.id) == (RENDERER_VERSION, content.result()):
        raise _IsServed


def _index_of(base: Delivery, reading: Reading, meaning: Meaning) -> RecordIndex:
    """The index of a delivery that is of the same source, and told in the same way."""
    manifest = base.manifest
    is_same = (manifest["source"], manifest["scope"]["declared"], base.renderer) == (
        reading.name,
        list(meaning.period) or None,
        RENDERER_VERSION,
    )
    index = RecordIndex.load(base.folder) if is_same else None
    if index is None:
        raise NotRevisable("the delivery that is served has no index for it")
    return index


def _none_known(records: RecordHashes, _lines: NDArray[np.int64]) -> NDArray[np.bool_]:
    return np.zeros(len(records), np.bool_)


def _content_id(meaning: Meaning, parts: Sequence[Part]) -> str:
    """The id of what is being read meanwhile: a part that was rewritten since has none."""
    hashes = []
    for part in parts:
        hashes.append(content_hash(part))
        part.verify()
    return delivery_id(meaning, hashes)


def _generation(reading: Reading, read: datetime) -> datetime:
    """The time of the content, but none that is yet to come: all later states would be older."""
    return read if reading.generation > read + _CLOCKS_DIFFER else reading.generation


def _declared(meaning: Meaning, months: Sequence[str]) -> Meaning:
    """What the user declares holds; else what the layout of the source tells."""
    if months and meaning.mode == "append":
        raise NotPublishable(
            "publish: each run of an export is the whole of its months, and appended to the run "
            "before it would double them; let it replace them (mode replace)"
        )
    return meaning if meaning.period else replace(meaning, period=tuple(months))
