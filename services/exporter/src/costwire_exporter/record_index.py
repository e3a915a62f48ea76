"""What a delivery remembers of its report, so that the next one can be told by what it changes.

Files beside those of the delivery: `records` (the hashes of the records, in the order of the
samples), `labels` (those of the label sets, to number copies), `pairs.npz` (what relations between
rows were asked), `index.json` (the rest). They are there together, or none of them is.
"""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from costwire_exporter.report_run import ReportRun
from costwire_exporter.tally import Named
from costwire_focus.batch import Batch
from costwire_focus.exposition.copies import CopyCounter
from costwire_focus.readers.record_hashes import RECORD, RecordHashes, sample_hash
from costwire_focus.rules import Checked, Validator

_logger = logging.getLogger(__name__)
_RECORDS, _LABELS, _PAIRS, _INDEX = "records", "labels", "pairs.npz", "index.json"
_FORMAT = 1
_AT_ONCE = 1 << 20
_MOST_ROWS = 4_000_000
"""While the next report is read they take 20 bytes of memory each, at first three times that."""
_MOST_LABELS = 2
"""Sets of labels for each charge."""

Pairs = Mapping[str, NDArray[np.void]]


@dataclass(frozen=True)
class Broken:
    """A rule that charges break, each for itself."""

    count: int
    message: str
    records: Sequence[int]
    """The hashes of the first ones' records, those that are known."""


@dataclass(frozen=True)
class RecordIndex:
    """The index of a delivery of which no row was quarantined."""

    folder: Path
    columns: Sequence[str]
    bytes: int
    """Of the report, as it was stored."""
    named: Mapping[Named, int]
    broken: Mapping[str, Broken]
    runs: Sequence[int]
    """Lengths of the sorted runs in `labels`."""

    @classmethod
    def load(cls, folder: Path) -> Self | None:
        """The index of a delivery that has one which is of use here."""
        try:
            told = json.loads((folder / _INDEX).read_bytes())
        except FileNotFoundError:
            return None
        if (told["format"], told["made_by"]) != (_FORMAT, _maker()):
            return None
        return cls(
            folder,
            told["columns"],
            told["bytes"],
            {Named(*names): count for *names, count in told["named"]},
            {rule: Broken(**broken) for rule, broken in told["broken"].items()},
            told["runs"],
        )

    @property
    def rows(self) -> int:
        """How many charges the delivery has."""
        return sum(self.named.values())

    def records(self) -> RecordHashes:
        """The hashes of all records."""
        return np.fromfile(self.folder / _RECORDS, RECORD)

    def copies(self) -> CopyCounter:
        """The count of copies, to go on with."""
        with (self.folder / _LABELS).open("rb") as file:
            return CopyCounter([np.fromfile(file, np.uint64, length) for length in self.runs])

    def pairs(self) -> Pairs:
        """The pairs that relations were asked."""
        with np.load(self.folder / _PAIRS, allow_pickle=False) as file:
            return {name: file[name] for name in file.files}


class RecordPlaces:
    """At which place, in the order of reading, the record stands that begins at a line.

    Of records whose lines follow one another the first one is kept.
    """

    def __init__(self) -> None:
        self._spans: list[tuple[str, NDArray[np.int64], NDArray[np.int64]]] = []
        self.rows = 0

    def add(self, file: str, lines: NDArray[np.int64]) -> None:
        """Note the next records; `lines` grow."""
        starts = np.append(0, np.flatnonzero(np.diff(lines) != 1) + 1)
        bounds = np.append(starts, len(lines)) + self.rows
        self._spans.append((file, lines[starts], bounds))
        self.rows += len(lines)

    def of(self, file: str, line: int) -> int:
        """The place of a record that begins at a line; raises `KeyError` for an unknown one."""
        for name, lines, bounds in self._spans:
            run = int(np.searchsorted(lines, line, side="right")) - 1
            if name == file and run >= 0 and bounds[run] + line - lines[run] < bounds[run + 1]:
                return int(bounds[run] + line - lines[run])
        raise KeyError(f"{file}, line {line}")


class IndexWriter:
    """Writes the index of a delivery while it is rendered, its records in the order of samples."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._file = (folder / _RECORDS).open("w+b")
        self._places = RecordPlaces()
        self._is_wanted = True

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._file.close()

    def add(self, batch: Batch, checked: Checked) -> None:
        """Note the records of a batch; where one is unusable or too many, there is no index."""
        hashes = batch.hashes
        if checked.unusable or hashes is None or self._places.rows + len(hashes) > _MOST_ROWS:
            self.abandon()
        elif self._is_wanted and len(hashes):
            hashes.tofile(self._file)
            self._places.add(batch.file, batch.lines.to_numpy())

    def keep(self, earlier: RecordIndex, gone: NDArray[np.uint32]) -> None:
        """Note the records of an earlier delivery but those at these places, which grow."""
        before = 0
        with (earlier.folder / _RECORDS).open("rb") as file:
            while len(some := np.fromfile(file, RECORD, _AT_ONCE)):
                first, end = np.searchsorted(gone, [before, before + len(some)])
                np.delete(some, gone[first:end].astype(np.int64) - before).tofile(self._file)
                before += len(some)

    def record(self, file: str, line: int) -> int:
        """The hash of the record that begins at a line, one of those that were read."""
        self._file.seek(self._places.of(file, line) * RECORD.itemsize)
        found = np.fromfile(self._file, RECORD, 1)
        self._file.seek(0, os.SEEK_END)
        return int(found["hash"][0])

    def abandon(self) -> None:
        """Leave the delivery without an index."""
        if self._is_wanted:
            self._is_wanted = False
            (self._folder / _RECORDS).unlink()

    @property
    def is_wanted(self) -> bool:
        """Whether there is to be an index."""
        return self._is_wanted

    def finish(
        self, run: ReportRun, pairs: Pairs | None, broken: Mapping[str, Broken] | None = None
    ) -> None:
        """Write the rest.

        `pairs`: the revisable ones; `broken`: None for what the run found.
        """
        if not self._is_wanted:
            return
        runs = run.renderer.copies.runs
        # Labels of charges that are gone are among them.
        if pairs is None or sum(map(len, runs)) > _MOST_LABELS * run.tally.rows.read:
            self.abandon()
            return
        try:
            broken = self._broken(run) if broken is None else broken
        except KeyError:  # costs the index, and no delivery
            _logger.exception("the delivery is left without an index")
            self.abandon()
            return
        with (self._folder / _LABELS).open("wb") as labels:
            for each in runs:
                each.tofile(labels)
        np.savez(self._folder / _PAIRS, allow_pickle=False, **pairs)
        told = {
            "format": _FORMAT,
            "made_by": _maker(),
            "columns": [*run.columns],
            "bytes": run.bytes_read,
            "named": [[*names, count] for names, count in run.tally.named.items()],
            "broken": {rule: vars(each) for rule, each in broken.items()},
            "runs": [len(each) for each in runs],
        }
        (self._folder / _INDEX).write_text(json.dumps(told), encoding="utf-8")

    def _broken(self, run: ReportRun) -> dict[str, Broken]:
        return {
            rule: Broken(found.count, found.message, [self.record(*at) for at in found.lines])
            for rule, found in run.validator.of_charges.items()
        }


def _maker() -> list[str]:
    """Whoever differs in this may read, judge, or hash otherwise."""
    packages = ("costwire-focus", "costwire-exporter", "polars", "numpy")
    return [sample_hash(), *(f"{name} {version(name)}" for name in packages)]


def revisable_pairs(validator: Validator) -> Pairs | None:
    """The pairs, if with them it is certain what later charges break.

    Where a relation does not hold, or a key is without its value, charges that leave can mend that.
    """
    pairs = validator.pairs
    if pairs is None or validator.between_charges:
        return None
    return None if any((each["value"] == 0).any() for each in pairs.values()) else pairs
