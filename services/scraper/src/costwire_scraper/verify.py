"""Counts what was decoded and compares it with what the manifest promises; pure."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from decimal import Decimal

import pyarrow as pa

from costwire_focus.amounts import COST_COLUMNS, CostSums
from costwire_focus.canonical import canonical_text
from costwire_focus.manifest import Exposition

Sums = Mapping[str, Mapping[str, Decimal]]


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


def differences(tally: Tally, promised: Exposition, sums: Sums | None = None) -> list[str]:
    """Say in what a decoded exposition differs from what its manifest tells; empty when in nothing.

    `sums`: of the charges, where they are told: currency -> cost column -> sum.
    """
    found = []
    if tally.bytes != promised.bytes:
        found.append(f"{tally.bytes} bytes instead of {promised.bytes}")
    if tally.samples != promised.samples:
        found.append(f"{tally.samples} samples instead of {promised.samples}")
    if sums is not None:
        found += _sums_that_differ(tally.sums, CostSums.of(sums))
    if tally.sha256 != promised.sha256:
        found.append("the checksum of the text differs")
    return found


def _sums_that_differ(found: CostSums, promised: CostSums) -> Iterator[str]:
    for currency in sorted({*found.currencies(), *promised.currencies()}):
        for column in COST_COLUMNS:
            mine, theirs = (each.get(currency, column) or Decimal(0) for each in (found, promised))
            if mine != theirs:
                texts = canonical_text(mine), canonical_text(theirs)
                yield f"{column} in {currency} adds up to {texts[0]} instead of {texts[1]}"
