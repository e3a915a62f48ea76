"""From a reading to a delivery on the shelf: checked, rendered once, counted twice."""

from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

import pyarrow as pa

from costwire_exporter.ahead import read_ahead
from costwire_exporter.blocks import ExpositionWriter
from costwire_exporter.errors import CountsDisagree, NotPublishable, Stopped
from costwire_exporter.identity import Meaning, content_hash, delivery_id
from costwire_exporter.quarantine import QuarantineWriter
from costwire_exporter.shelf import EXPOSITION, MANIFEST, QUARANTINE, Delivery, Shelf
from costwire_exporter.status import Progress
from costwire_exporter.tally import Tally
from costwire_focus.batch import Unusable
from costwire_focus.canonical import canonical_text, exact_sum, to_text
from costwire_focus.conform import conform, united_columns
from costwire_focus.errors import FocusError
from costwire_focus.exposition import RENDERER_VERSION
from costwire_focus.exposition.labels import label_names
from costwire_focus.exposition.render import Renderer
from costwire_focus.foreign import refuse_foreign
from costwire_focus.legacy import LegacyNames, mapped_names
from costwire_focus.manifest import (
    ColumnLabel,
    Exposition,
    FindingCount,
    FindingLine,
    Manifest,
    ManifestTimes,
    Scope,
    SecondCount,
)
from costwire_focus.own_rules import TIME_AHEAD
from costwire_focus.readers import Report, open_report
from costwire_focus.reconcile import disagreement
from costwire_focus.recount import Recount
from costwire_focus.rules import Validator
from costwire_focus.versions import detect
from costwire_runtime.clocks import later_than, utc_now
from costwire_sources.source import Part, Reading

_HEADER_BYTES = 1 << 20
_BATCH_BYTES = 4 << 20
_HEADER_LINE = 1
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
            if self._is_served(reading, content):
                generation = _generation(reading, self._time_of_reading())
                self._confirm(reading.state, to_text(generation))
                return None
            try:
                with self._shelf.draft() as folder:
                    manifest = self._written(folder, reading, meaning, content)
                    (folder / MANIFEST).write_text(manifest.to_json(), encoding="utf-8")
                    return self._shelf.publish(folder, reading.state)
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

    def _is_served(self, reading: Reading, content: "Future[str]") -> bool:
        """Waits for the content's id only where something is served that it could be."""
        current = self._shelf.current
        if not current or current.manifest["source"] != reading.name:
            return False
        return (current.renderer, current.id) == (RENDERER_VERSION, content.result())

    def _written(
        self, folder: Path, reading: Reading, meaning: Meaning, content: "Future[str]"
    ) -> Manifest:
        read = self._time_of_reading()
        headers = [self._header(part) for part in reading.parts]
        if not any(header for _, header in headers):
            raise NotPublishable(f"read {reading.name}: it holds no record to name a column")
        columns = united_columns([names for names, _ in headers], meaning.currency)
        version = meaning.focus_version or detect(columns)
        run = _Run(meaning, columns, version, reading.parts)
        with (
            ExpositionWriter(folder / EXPOSITION, self._level) as exposition,
            QuarantineWriter(folder / QUARANTINE) as quarantine,
        ):
            exposition.write(lambda: [run.renderer.header()])
            for part, (_, header) in zip(reading.parts, headers, strict=True):
                self._read(part, header, run, exposition, quarantine)
            exposition.write(lambda: [run.renderer.footer()])
        generation = _generation(reading, read)
        if generation != reading.generation:
            run.remark_time(reading)
        written = exposition.written()
        return Manifest(
            id=content.result(),
            table=meaning.table,
            source=reading.name,
            mode=meaning.mode,
            generation=generation,
            focus_version=version,
            columns=[
                ColumnLabel(name=name, label=label) for name, label in label_names(columns).items()
            ],
            scope=Scope(
                declared=list(meaning.period) or None,
                billing_periods=run.tally.billing_periods(),
            ),
            rows=run.tally.rows,
            sums=run.tally.sums(),
            recount=run.second_count(),
            findings=run.findings(),
            mapped=run.legacy.mappings() if run.legacy else [],
            currency=meaning.currency,
            dates=meaning.dates,
            exposition=Exposition(
                samples=run.renderer.samples,
                bytes=written.bytes,
                sha256=written.sha256,
                renderer=RENDERER_VERSION,
            ),
            times=ManifestTimes(read=read),
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
        run: "_Run",
        exposition: ExpositionWriter,
        quarantine: QuarantineWriter,
    ) -> None:
        run.tally.begin_part()
        uncut: list[Unusable] = []
        with part.open() as stream:
            report = open_report(
                stream,
                part.name,
                batch_bytes=_BATCH_BYTES,
                encoding=self._meaning.encoding,
                header=header,
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
                    uncut += batch.unusable
                    run.tally.add(batch, checked, charges)
                    self._on_progress(run.progress(stream.tell()))
            part.verify()
            run.compare(part, report, uncut)
        run.bytes_read += part.size


class _Run:
    """What grows while the parts of one reading are read."""

    def __init__(
        self, meaning: Meaning, columns: Sequence[str], version: str, parts: Sequence[Part]
    ) -> None:
        self._meaning = meaning
        self._columns = columns
        self.validator = Validator(
            columns,
            version,
            dates=meaning.dates,
            currency=meaning.currency,
            declared=meaning.period,
            file=parts[0].name,
        )
        self.renderer = Renderer(columns)
        self.tally = Tally(meaning.currency)
        self.legacy = LegacyNames() if meaning.map_legacy else None
        self.bytes_read = 0
        self._bytes_total = sum(part.size for part in parts)
        self._remarks: dict[str, FindingCount] = {}
        self._recounts: list[Recount] = []

    def conformed(self, charges: pa.Table) -> pa.Table:
        """Charges as they are published."""
        return conform(charges, self._columns, self._meaning.currency, self._meaning.dates)

    def progress(self, position: int) -> Progress:
        """How far the reading has come; `position` is that in the part being read."""
        return Progress(self.tally.rows.read, self.bytes_read + position, self._bytes_total)

    def compare(self, part: Part, report: Report, uncut: Sequence[Unusable]) -> None:
        """Hold the part's count against the second reader's; keep what the reader remarked."""
        second = report.recount()
        said = disagreement(self.tally.part_records, self.tally.part_billed_cost, uncut, second)
        if said is not None:
            raise CountsDisagree(f"count {part.name} twice: {said}")
        if part.rows is not None and part.rows != self.tally.part_records:
            raise CountsDisagree(
                f"count {part.name}: the export's manifest tells of {part.rows} rows, and "
                f"{self.tally.part_records} are there; have the provider write the export anew, or "
                "read its files without the manifest (the layout none)"
            )
        self._recounts.append(second)
        for rule, sentence in report.remarks.items():
            self._remark(rule, sentence, FindingLine(file=part.name, line=_HEADER_LINE))

    def remark_time(self, reading: Reading) -> None:
        """Tell that the report's time is not believed."""
        sentence = (
            f"the report is of {to_text(reading.generation)}, which is yet to come; it counts as "
            "of the time when it was read. Set the clock of whoever writes it"
        )
        first = FindingLine(file=reading.parts[0].name, line=_HEADER_LINE)
        self._remark(TIME_AHEAD, sentence, first)

    def _remark(self, rule: str, sentence: str, line: FindingLine) -> None:
        known = self._remarks.get(rule)
        self._remarks[rule] = FindingCount(
            count=known.count + 1 if known else 1,
            message=known.message if known else sentence,
            lines=known.lines if known else [line],
        )

    def second_count(self) -> SecondCount:
        """The second reader's figures over all parts."""
        return SecondCount(
            reader=self._recounts[0].reader,
            records=sum(second.records for second in self._recounts),
            billed_cost=canonical_text(exact_sum(second.billed_cost for second in self._recounts)),
        )

    def findings(self) -> dict[str, FindingCount]:
        """What was found, by rule."""
        found = {
            rule: FindingCount(
                count=finding.count,
                message=finding.message,
                lines=[FindingLine(file=file, line=line) for file, line in finding.lines],
            )
            for rule, finding in self.validator.findings.items()
        }
        return dict(sorted((self._remarks | found).items()))


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
