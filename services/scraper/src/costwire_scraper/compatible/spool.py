"""Bare samples to a checked delivery on disk: parts, quarantine and manifest."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import BinaryIO

import pyarrow as pa

from costwire_focus import versions
from costwire_focus.batch import Batch, Unusable
from costwire_focus.errors import FocusError
from costwire_focus.exposition.parse import Parser
from costwire_focus.foreign import refuse_foreign
from costwire_focus.manifest import (
    ColumnLabel,
    Exposition,
    FindingCount,
    FindingLine,
    Manifest,
    ManifestTimes,
    Scope,
)
from costwire_focus.rules import Validator
from costwire_scraper.blocks import line_blocks
from costwire_scraper.compatible.charges import charges_of
from costwire_scraper.compatible.count import Count
from costwire_scraper.errors import ExporterRefused
from costwire_scraper.handler_client import part_body
from costwire_scraper.shipment import with_columns

TEXT_NAME = "metrics"
"""What quarantine and findings call the place that a sample was read from."""

OTHER_SAMPLES = "CW-NoCharge"
_READ_BYTES = 256 * 1024
_NO_RENDERER = 0


@dataclass
class CompatibleSpool:
    """The files of one delivery, in a folder that its owner removes."""

    folder: Path
    block_bytes: int
    parts: list[Path] = field(default_factory=list, init=False)
    rows_of: list[int] = field(default_factory=list, init=False)
    _other_samples: int = field(default=0, init=False)

    @property
    def quarantine(self) -> Path:
        """The rows that cannot be delivered, as NDJSON."""
        return self.folder / "quarantine.ndjson"

    def fill(self, text: Path, sha256: str, *, table: str, source: str, now: datetime) -> Manifest:
        """Decode and check the samples of a text, and tell of them in a manifest.

        Raises: `ExporterRefused` when the samples are no charges of a FOCUS cost report.
        """
        try:
            names = self._decode(text)
            refuse_foreign(names)
        except FocusError as error:
            raise ExporterRefused(f"read exposition: {error}") from error
        version = versions.detect(names)
        validator = Validator(names, version)
        count = self._check(names, validator)
        return Manifest(
            id=hashlib.sha256(f"{table}\n{sha256}".encode()).hexdigest(),
            table=table,
            source=source,
            generation=now,
            focus_version=version,
            columns=[ColumnLabel(name=name, label=name) for name in names],
            scope=Scope(billing_periods=count.billing_periods()),
            rows=count.rows(),
            sums=count.sums(),
            findings=self._findings(validator),
            exposition=Exposition(
                samples=sum(self.rows_of),
                bytes=text.stat().st_size,
                sha256=sha256,
                renderer=_NO_RENDERER,
            ),
            times=ManifestTimes(read=now),
        )

    def _decode(self, text: Path) -> list[str]:
        """Spool the charges, a part for each block; gives all columns met, in order."""
        parser = Parser()
        names: dict[str, None] = {}
        with text.open("rb") as file:
            for block in line_blocks(_pieces(file), self.block_bytes):
                charges, others = charges_of(parser.samples(_ended(block)).labels)
                self._other_samples += others
                names |= dict.fromkeys(charges.column_names)
                if charges.num_rows:
                    part = self.folder / f"{len(self.parts)}.arrow"
                    part.write_bytes(part_body(charges))
                    self.parts.append(part)
        return list(names)

    def _check(self, names: list[str], validator: Validator) -> Count:
        """Rewrite each part without the charges that cannot be stored; those are quarantined."""
        count = Count()
        line = 1
        with self.quarantine.open("wb") as quarantine:
            for part in self.parts:
                charges = with_columns(pa.ipc.open_stream(part.read_bytes()).read_all(), names)
                lines = pa.array(range(line, line + charges.num_rows), pa.int64())
                batch = Batch(charges, lines, TEXT_NAME, _raw(charges))
                checked = validator.check(batch)
                count.add(charges, checked.charges)
                part.write_bytes(part_body(checked.charges))
                self.rows_of.append(checked.charges.num_rows)
                quarantine.writelines(_ndjson(row) for row in checked.unusable)
                line += charges.num_rows
        return count

    def _findings(self, validator: Validator) -> dict[str, FindingCount]:
        findings = {
            rule: FindingCount(
                count=finding.count,
                message=finding.message,
                lines=[FindingLine(file=file, line=line) for file, line in finding.lines],
            )
            for rule, finding in validator.findings.items()
        }
        if self._other_samples:
            findings[OTHER_SAMPLES] = FindingCount(
                count=self._other_samples,
                message="samples without a label BilledCost are no charges and were left out",
            )
        return findings


def _pieces(file: BinaryIO) -> Iterator[bytes]:
    while piece := file.read(_READ_BYTES):
        yield piece


def _ended(block: bytes) -> bytes:
    return block if block.endswith(b"\n") else block + b"\n"


def _raw(charges: pa.Table) -> Callable[[int], bytes]:
    """The labels of a sample as JSON: the sample's own line is not kept."""

    def raw(index: int) -> bytes:
        (row,) = charges.slice(index, 1).to_pylist()
        labels = {name: cell for name, cell in row.items() if cell is not None}
        return json.dumps(labels, ensure_ascii=False).encode()

    return raw


def _ndjson(row: Unusable) -> bytes:
    document = {
        "file": row.file,
        "line": row.line,
        "raw": base64.b64encode(row.raw).decode(),
        "column": row.column,
        "rule": row.rule,
        "reason": row.reason,
    }
    return json.dumps(document).encode() + b"\n"
