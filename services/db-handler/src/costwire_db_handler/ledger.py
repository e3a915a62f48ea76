"""The ledger: one entry for every delivery that arrived, in the shape in which it is told."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Annotated

from pydantic import BaseModel, ConfigDict, PlainSerializer
from pydantic.alias_generators import to_camel

from costwire_focus.amounts import COST_COLUMNS, CostSums, canonical_text, exact_sum
from costwire_focus.instants import to_text
from costwire_focus.manifest import BillingPeriod, Manifest

Instant = Annotated[datetime, PlainSerializer(to_text, when_used="json")]


class State(StrEnum):
    """Where a delivery stands."""

    OPEN = "open"
    COMMITTED = "committed"
    UNCHANGED = "unchanged"
    HELD = "held"
    SUPERSEDED = "superseded"
    REJECTED = "rejected"
    ABORTED = "aborted"


class _Model(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True)


class Rows(_Model):
    """How many charges; read = stored + quarantined."""

    read: int = 0
    stored: int = 0
    quarantined: int = 0
    added: int = 0
    removed: int = 0
    corrected: int = 0
    unchanged: int = 0


class SumLine(_Model):
    """One cost column in one currency; read = stored + quarantined."""

    read: str
    stored: str
    quarantined: str


class Times(_Model):
    """When the source was read, the delivery opened, and its fate decided."""

    read: Instant
    opened: Instant
    committed: Instant | None = None


Sums = dict[str, dict[str, SumLine | None]]


class Entry(_Model):
    """A line of the ledger."""

    commit: int
    id: str
    table: str
    source: str
    state: State
    generation: Instant
    focus_version: str
    billing_periods: list[BillingPeriod] = []
    rows: Rows = Rows()
    sums: Sums = {}
    findings: dict[str, int] = {}
    balanced: bool = False
    reason: str | None = None
    times: Times

    def to_json(self) -> str:
        """The JSON text of the entry."""
        return self.model_dump_json(by_alias=True)


def sums_read(manifest: Manifest) -> Sums:
    """The sums that a manifest claims, before anything is stored."""
    return {
        currency: {
            name: None
            if line is None
            else SumLine(read=line.read, stored="0", quarantined=line.quarantined)
            for name, line in lines.items()
        }
        for currency, lines in manifest.sums.items()
    }


def settle_sums(manifest: Manifest, stored: CostSums, refused: CostSums) -> Sums:
    """The ledger's sums: read by the manifest, stored as counted in the store.

    `refused`: sums of the charges that the handler quarantined after the exporter published them.
    """
    currencies = sorted({*manifest.sums, *stored.currencies()})
    return {
        currency: {
            name: _sum_line(manifest, currency, name, stored, refused) for name in COST_COLUMNS
        }
        for currency in currencies
    }


def _sum_line(
    manifest: Manifest, currency: str, name: str, stored: CostSums, refused: CostSums
) -> SumLine | None:
    claimed = manifest.sums.get(currency, {}).get(name)
    kept = stored.get(currency, name)
    if claimed is None and not kept:
        return None
    quarantined = exact_sum(
        (Decimal(claimed.quarantined if claimed else 0), refused.get(currency, name) or Decimal(0))
    )
    return SumLine(
        read=canonical_text(Decimal(claimed.read if claimed else 0)),
        stored=canonical_text(kept or Decimal(0)),
        quarantined=canonical_text(quarantined),
    )


def balances(rows: Rows, sums: Sums) -> bool:
    """Nothing lost, nothing doubled: read = stored + quarantined, in rows and in every sum."""
    return rows.read == rows.stored + rows.quarantined and all(
        line is None
        or Decimal(line.read) == exact_sum((Decimal(line.stored), Decimal(line.quarantined)))
        for lines in sums.values()
        for line in lines.values()
    )
