"""The running count of a delivery: rows, exact sums, and the billing periods it names."""

from datetime import UTC, datetime
from decimal import Decimal

import pyarrow as pa

from costwire_exporter.errors import NotPublishable
from costwire_focus import instants
from costwire_focus.amounts import COST_COLUMNS, CostSums
from costwire_focus.batch import Batch
from costwire_focus.canonical import canonical_text, exact_sum
from costwire_focus.manifest import BillingPeriod, CostSum, RowCounts
from costwire_focus.rules import Checked

PERIOD_COLUMNS = ("BillingPeriodStart", "BillingPeriodEnd")
_MOST_PERIODS = 10_000


class Tally:
    """Counts batches; the quarantined are what was read and not published."""

    def __init__(self, currency: str | None) -> None:
        self._currency = currency
        self._read_rows = self._published_rows = 0
        self._read, self._published = CostSums(currency), CostSums(currency)
        self._periods: set[tuple[str | None, ...]] = set()
        self.part_records = 0
        self.part_billed_cost = Decimal(0)

    def begin_part(self) -> None:
        """Count the records and BilledCost of a part from here on, for the second count."""
        self.part_records = 0
        self.part_billed_cost = Decimal(0)

    def add(self, batch: Batch, checked: Checked, published: pa.Table) -> None:
        """Count a batch: as it was read, as it was checked, and as it is published."""
        records = checked.charges.num_rows + len(checked.unusable)
        self._read_rows += records
        self._published_rows += published.num_rows
        self.part_records += records
        read = self._sums(batch.charges)
        self._read.merge(read)
        everything = checked.charges.num_rows == batch.charges.num_rows
        self._published.merge(read if everything else self._sums(checked.charges))
        billed = (read.get(currency, "BilledCost") for currency in read.currencies())
        self.part_billed_cost = exact_sum(
            [self.part_billed_cost, *(cost for cost in billed if cost is not None)]
        )
        self._note_periods(published)

    def _sums(self, charges: pa.Table) -> CostSums:
        sums = CostSums(self._currency)
        sums.add(charges)
        return sums

    def _note_periods(self, published: pa.Table) -> None:
        nothing = pa.nulls(published.num_rows, pa.string())
        present = frozenset(published.column_names)
        columns = {
            name: published.column(name) if name in present else nothing for name in PERIOD_COLUMNS
        }
        for period in pa.table(columns).group_by(PERIOD_COLUMNS).aggregate([]).to_pylist():
            self._periods.add(tuple(period.values()))
        if len(self._periods) > _MOST_PERIODS:
            raise NotPublishable(
                f"read {' and '.join(PERIOD_COLUMNS)}: more than {_MOST_PERIODS} different billing "
                "periods; a report names a few months, so these columns hold something else"
            )

    @property
    def rows(self) -> RowCounts:
        """How many rows were read, published and quarantined."""
        return RowCounts(
            read=self._read_rows,
            published=self._published_rows,
            quarantined=self._read_rows - self._published_rows,
        )

    def sums(self) -> dict[str, dict[str, CostSum | None]]:
        """The exact sums per currency and cost column; None where the column is absent."""
        quarantined = self._read.minus(self._published)
        return {
            currency: {name: self._sum(quarantined, currency, name) for name in COST_COLUMNS}
            for currency in self._read.currencies()
        }

    def _sum(self, quarantined: CostSums, currency: str, name: str) -> CostSum | None:
        read = self._read.get(currency, name)
        if read is None:
            return None
        return CostSum(
            read=canonical_text(read),
            published=canonical_text(self._published.get(currency, name) or Decimal(0)),
            quarantined=canonical_text(quarantined.get(currency, name) or Decimal(0)),
        )

    def billing_periods(self) -> list[BillingPeriod]:
        """The billing periods that published charges name, each once, earliest first."""
        texts = sorted(self._periods, key=lambda period: tuple(side or "" for side in period))
        sides = [
            instants.parse(pa.array([period[side] for period in texts], pa.string())).values
            for side in range(len(PERIOD_COLUMNS))
        ]
        return [
            BillingPeriod(start=_aware(start), end=_aware(end))
            for start, end in dict.fromkeys(zip(*(side.to_pylist() for side in sides), strict=True))
        ]


def _aware(instant: datetime | None) -> datetime | None:
    return instant.replace(tzinfo=UTC) if instant is not None else None
