"""Counts what was decoded and compares it with what the manifest promises; pure."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from decimal import Decimal

import pyarrow as pa

from costwire_focus.amounts import COST_COLUMNS, CostSums
from costwire_focus.canonical import canonical_text
from costwire_focus.manifest import Manifest


class Tally:
    """Bytes, checksum, samples and exact sums of an exposition, block by block."""

    def __init__(self) -> None:
        self.samples = 0
        self.bytes = 0
        self.sums = CostSums()
        self._sha256 = hashlib.sha256()

    def add_text(self, block: bytes) -> None:
        """Count a block of identity-encoded text."""
        self._sha256.update(block)
        self.bytes += len(block)

    def add_charges(self, charges: pa.Table) -> None:
        """Count the charges of a block."""
        self.samples += charges.num_rows
        self.sums.add(charges)

    @property
    def sha256(self) -> str:
        """Checksum of the text so far, in hex."""
        return self._sha256.hexdigest()


def differences(tally: Tally, manifest: Manifest) -> list[str]:
    """Say in what the decoded exposition differs from its manifest; empty when in nothing."""
    promised = manifest.exposition
    found = []
    if tally.bytes != promised.bytes:
        found.append(f"{tally.bytes} bytes instead of {promised.bytes}")
    if tally.samples != promised.samples:
        found.append(f"{tally.samples} samples instead of {promised.samples}")
    found += _sums_that_differ(tally.sums, manifest)
    if tally.sha256 != promised.sha256:
        found.append("the checksum of the text differs")
    return found


def _sums_that_differ(sums: CostSums, manifest: Manifest) -> Iterator[str]:
    for currency in sorted({*sums.currencies(), *manifest.sums}):
        for column in COST_COLUMNS:
            mine = sums.get(currency, column) or Decimal(0)
            theirs = _published(manifest, currency, column)
            if mine != theirs:
                found, promised = canonical_text(mine), canonical_text(theirs)
                yield f"{column} in {currency} adds up to {found} instead of {promised}"


def _published(manifest: Manifest, currency: str, column: str) -> Decimal:
    figures = manifest.sums.get(currency, {}).get(column)
    return Decimal(figures.published) if figures is not None else Decimal(0)
