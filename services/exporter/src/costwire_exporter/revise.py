"""A report told by what it changes of the one before it.

Records that both have are neither cut into cells nor judged nor rendered again: they are known by
their hashes, and their samples are those of the earlier exposition. All bytes of the report are
still counted by the second reader, and the figures must be its own.
"""

from __future__ import annotations

import os
import shutil
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Self

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from costwire_exporter.ahead import read_ahead
from costwire_exporter.blocks import ExpositionWriter, decompressed, whole_lines
from costwire_exporter.compose import Positions, all_but, parted, samples
from costwire_exporter.errors import NotRevisable, Stopped
from costwire_exporter.known import Followed, KnownRecords
from costwire_exporter.record_index import Broken, IndexWriter, RecordIndex, revisable_pairs
from costwire_exporter.report_run import BATCH_BYTES, ReportRun
from costwire_exporter.shelf import ADDED, REMOVED, Delivery
from costwire_exporter.status import Progress
from costwire_exporter.text import BASE, DROPPED, EXPOSITION, MORE
from costwire_focus.batch import Batch
from costwire_focus.canonical import canonical_text
from costwire_focus.exposition import HEADER, footer
from costwire_focus.exposition.labels import label_names
from costwire_focus.exposition.parse import Parser
from costwire_focus.manifest import FindingCount, FindingLine
from costwire_focus.readers import open_report
from costwire_focus.readers.record_hashes import RecordHashes
from costwire_focus.repeats import plain_table
from costwire_focus.rules.findings import LINES_KEPT, Finding
from costwire_sources.source import Part

_LARGEST_SHARE = 0.1
"""Of the charges: with more of them changed, the whole takes hardly longer."""
_FEW = 100

_Place = tuple[int, int]
"""The number of a part, and a line of it."""


class Revision:
    """Writes a delivery into a folder as the changes of an earlier one; `read`, then `write`.

    Raises: `NotRevisable` where not all of it would be certain; the folder is of no use then.
    """

    def __init__(
        self,
        folder: Path,
        base: Delivery,
        index: RecordIndex,
        run: ReportRun,
        *,
        level: int,
        is_stopping: Callable[[], bool],
    ) -> None:
        self._folder = folder
        self._base = base
        self._index = index
        self._run = run
        self._level = level
        self._is_stopping = is_stopping
        self._most = max(_FEW, int(index.rows * _LARGEST_SHARE))
        broken = chain(*(each.records for each in index.broken.values()))
        self._followed = Followed(np.array([*broken], np.uint64), LINES_KEPT)
        self._parts: list[str] = []
        self._part_records = self._unknown = 0
        self._gone = run.new_validator()
        self._writer = IndexWriter(folder)

    def __enter__(self) -> Self:
        self._writer.__enter__()
        return self

    def __exit__(self, *error: object) -> None:
        self._writer.__exit__(*error)

    def read(
        self,
        parts: Sequence[Part],
        encoding: str | None,
        on_progress: Callable[[Progress], None],
    ) -> None:
        """Read the parts, and render what they add."""
        known = KnownRecords(self._index.records())  # the largest of what is in memory
        with self._exposition(ADDED) as added, self._exposition(MORE) as more:
            added.write(partial(iter, [HEADER]))
            for part in parts:
                for blocks in self._added(part, encoding, known, on_progress):
                    added.write(partial(iter, blocks))
                    more.write(partial(iter, blocks))
            rows = self._run.renderer.samples
            added.write(partial(iter, [footer(rows)]))
        self.added = added.written().of(rows)
        self._going = known.left()
        self._require_few(len(self._going))

    def write(self) -> None:
        """Write everything else but the manifest."""
        gone = self._going
        self._writer.keep(self._index, gone)
        dropped = self._dropped(gone)
        rows = self._index.rows - len(gone) + self.added.samples
        is_new = len(dropped) > rows * _LARGEST_SHARE  # reading the text would become dear
        with (
            self._exposition(REMOVED) as removed,
            self._exposition(EXPOSITION if is_new else None) as whole,
        ):
            for exposition in (whole, removed):
                exposition.write(partial(iter, [HEADER]))
            for block in samples(whole_lines(decompressed(self._folder / MORE))):
                whole.write(partial(iter, [block]))
            self._take_out(gone, whole, removed)
            removed.write(partial(iter, [footer(len(gone))]))
            whole.write(partial(iter, [footer(rows)]))
        self.whole, self.removed = whole.written().of(rows), removed.written().of(len(gone))
        if is_new:
            (self._folder / MORE).unlink()
        else:
            self._compose(dropped)
        self._require_counts()
        pairs = revisable_pairs(self._run.validator)
        if pairs is None:
            raise NotRevisable("how its charges relate to one another is to be looked at anew")
        self.findings, broken = self._broken()
        self._writer.finish(self._run, pairs, broken)

    def _exposition(self, name: str | None) -> ExpositionWriter:
        return ExpositionWriter(self._folder / name if name else None, self._level)

    def _dropped(self, gone: Positions) -> Positions:
        """What is left out of the new text: places among all samples of its two files."""
        text = self._base.text
        before = text.dropped()
        going = all_but(before, self._index.rows + len(before))[gone]
        return np.sort(np.concatenate([before, going])) + np.uint32(self.added.samples)

    def _compose(self, dropped: Positions) -> None:
        """Have the text be that of the earlier delivery, but for what changed."""
        text = self._base.text
        if text.is_composed:
            with (self._folder / MORE).open("ab") as more, (text.folder / MORE).open("rb") as old:
                shutil.copyfileobj(old, more)
        earlier, mine = text.base, self._folder / BASE
        try:
            os.link(earlier, mine)
        except OSError:  # there are file systems that cannot
            shutil.copyfile(earlier, mine)
        dropped.tofile(self._folder / DROPPED)

    def _added(
        self,
        part: Part,
        encoding: str | None,
        known: KnownRecords,
        on_progress: Callable[[Progress], None],
    ) -> Iterator[list[pa.Buffer]]:
        """The samples of what a part adds."""
        self._parts.append(part.name)
        self._part_records = 0
        with part.open() as stream:

            def is_known(records: RecordHashes, lines: NDArray[np.int64]) -> NDArray[np.bool_]:
                self._require_running()
                on_progress(self._run.progress(stream.tell()))
                self._followed.look(records, part.name, lines)
                taken = known.take(records)
                self._part_records += len(taken)
                self._unknown += len(taken) - int(taken.sum())
                self._require_few(self._unknown)
                return taken

            report = open_report(
                stream, part.name, batch_bytes=BATCH_BYTES, encoding=encoding, known=is_known
            )
            with read_ahead(report.batches()) as batches:
                yield from map(self._add, batches)
            part.verify()
            self._run.count_part(part, report, self._part_records)

    def _require_running(self) -> None:
        if self._is_stopping():
            raise Stopped("publish: the exporter is being stopped")

    def _require_few(self, changed: int) -> None:
        if changed > self._most:
            raise NotRevisable(f"more than {self._most} of its {self._index.rows} charges changed")

    def _add(self, batch: Batch) -> list[pa.Buffer]:
        checked = self._run.validator.check(batch)
        if checked.unusable:
            raise NotRevisable("it has rows that cannot be used")
        if batch.hashes is None:
            raise NotRevisable("it is no CSV any more")
        charges = self._run.conformed(checked.charges)
        self._writer.add(batch, checked)
        self._run.tally.add(batch, checked, charges)
        return [*self._run.renderer.blocks(charges)]

    def _take_out(
        self, gone: Positions, whole: ExpositionWriter, removed: ExpositionWriter
    ) -> None:
        """Write the samples that stay and those that go, and count what these take with them."""
        labels = {label: name for name, label in label_names(self._run.columns).items()}
        parser = Parser([*labels])
        with read_ahead(self._parted(gone, whole)) as blocks:
            for lines in whole_lines(blocks):
                removed.write(partial(iter, [lines]))
                charges = plain_table(parser.charges(lines, labels)).select(self._run.columns)
                numbers = pa.array(range(charges.num_rows), pa.int64())
                self._gone.check(Batch(charges, numbers, "", lambda _: b""))
                self._run.tally.remove(charges)

    def _parted(self, gone: Positions, whole: ExpositionWriter) -> Iterator[bytes]:
        """The samples that go; those that stay are written."""
        for stays, goes in parted(samples(whole_lines(self._base.text.read("identity"))), gone):
            self._require_running()
            whole.write(partial(iter, [b"".join(stays)]))
            if goes:
                yield b"".join(goes)

    def _require_counts(self) -> None:
        """The figures are those of the second reader, who read every byte."""
        second, tally = self._run.second_count(), self._run.tally
        found = (tally.rows.read, canonical_text(tally.billed_cost))
        if found != (second.records, second.billed_cost):
            raise NotRevisable(
                f"{found[0]} records with a BilledCost of {found[1]} are left where "
                f"{second.reader} finds {second.records} with {second.billed_cost}"
            )

    def _broken(self) -> tuple[dict[str, FindingCount], dict[str, Broken]]:
        """What charges break by themselves: as the findings tell it, and as the index does."""
        findings, index = {}, {}
        come, gone = self._run.validator.of_charges, self._gone.of_charges
        nothing = Broken(0, "", [])
        for rule in sorted({*self._index.broken, *come}):
            before = self._index.broken.get(rule, nothing)
            stays = before.count - (gone[rule].count if rule in gone else 0)
            count = stays + (come[rule].count if rule in come else 0)
            if not count:
                continue
            found, new = [*self._left_of(before)], [*self._new(come.get(rule))]
            if stays > len(found):  # what comes behind the last of these is not known
                if not found or found != sorted(found):
                    raise NotRevisable(f"where its charges first break {rule} is not known")
                new = [each for each in new if each < found[-1]]
            places = dict(sorted({*found, *new})[:LINES_KEPT])
            message = before.message or come[rule].message
            index[rule] = Broken(count, message, [*places.values()])
            findings[rule] = FindingCount(
                count=count,
                message=message,
                lines=[FindingLine(file=self._parts[part], line=line) for part, line in places],
            )
        return findings, index

    def _left_of(self, before: Broken) -> Iterator[tuple[_Place, int]]:
        """Where those of the first charges stand now that are still there, and their records."""
        copies = Counter[int]()
        for record in before.records:
            places = self._followed.places(record)[copies[record] :]
            copies[record] += 1
            for file, line in places[:1]:
                yield (self._parts.index(file), line), record

    def _new(self, finding: Finding | None) -> Iterator[tuple[_Place, int]]:
        for file, line in finding.lines if finding else ():
            yield (self._parts.index(file), line), self._writer.record(file, line)
