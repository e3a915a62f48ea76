"""What the manifest of a compatible delivery says of its charges, counted batch by batch."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pyarrow as pa

from costwire_focus import instants
from costwire_focus.amounts import COST_COLUMNS, CostSums
from costwire_focus.canonical import canonical_text
from costwire_focus.manifest import BillingPeriod, CostSum, RowCounts
from costwire_scraper.shipment import with_columns

_ZERO = Decimal(0)
_PERIOD = ["BillingPeriodStart", "BillingPeriodEnd"]


class Count:
    """Rows, exact sums and billing periods of what was read and of what is delivered."""

    def __init__(self) -> None:
        self._read = CostSums()
        self._published = CostSums()
        self._rows_read = 0
        self._rows_published = 0
        self._periods: set[tuple[datetime | None, datetime | None]] = set()

    def add(self, read: pa.Table, published: pa.Table) -> None:
        """Count a batch of charges, and those of them that are delivered."""
        self._rows_read += read.num_rows
        self._rows_published += published.num_rows
        self._read.add(read)
        self._published.add(published)
        self._periods |= _periods(published)

    def rows(self) -> RowCounts:
        """Read, published and quarantined rows."""
        return RowCounts(
            read=self._rows_read,
            published=self._rows_published,
            quarantined=self._rows_read - self._rows_published,
        )

    def sums(self) -> dict[str, dict[str, CostSum | None]]:
        """Exact sums per currency and cost column; None where the column is absent."""
        quarantined = self._read.minus(self._published)
        return {
            currency: {column: self._sum(quarantined, currency, column) for column in COST_COLUMNS}
            for currency in self._read.currencies()
        }

    def _sum(self, quarantined: CostSums, currency: str, column: str) -> CostSum | None:
        read = self._read.get(currency, column)
        if read is None:
            return None
        return CostSum(
            read=canonical_text(read),
            published=canonical_text(self._published.get(currency, column) or _ZERO),
            quarantined=canonical_text(quarantined.get(currency, column) or _ZERO),
        )

    def billing_periods(self) -> list[BillingPeriod]:
        """The billing periods that the delivered charges name, in order."""
        latest = datetime.max.replace(tzinfo=UTC)
        ordered = sorted(
            self._periods, key=lambda period: (period[0] or latest, period[1] or latest)
        )
        return [BillingPeriod(start=start, end=end) for start, end in ordered]


def _periods(charges: pa.Table) -> set[tuple[datetime | None, datetime | None]]:
    texts = with_columns(charges, _PERIOD).group_by(_PERIOD).aggregate([])
    start, end = (_instants(texts.column(name)) for name in _PERIOD)
    return set(zip(start, end, strict=True))


def _instants(cells: pa.ChunkedArray) -> list[datetime | None]:
    values = instants.parse(cells).values.to_pylist()
    return [value and value.replace(tzinfo=UTC) for value in values]
