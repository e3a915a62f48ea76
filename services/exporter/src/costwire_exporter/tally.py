"""The running count of a delivery: rows, exact sums, and the billing periods it names."""

from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import NamedTuple, Self

import pyarrow as pa

from costwire_exporter.errors import NotPublishable
from costwire_focus import instants
from costwire_focus.amounts import COST_COLUMNS, NO_CURRENCY, CostSums
from costwire_focus.batch import Batch
from costwire_focus.canonical import canonical_text, exact_sum
from costwire_focus.manifest import BillingPeriod, CostSum, RowCounts
from costwire_focus.rules import Checked

_MOST_PERIODS = 10_000


class Named(NamedTuple):
    """What charges name, as they write it."""

    start: str | None
    end: str | None
    currency: str | None


_NAMED_IN = Named("BillingPeriodStart", "BillingPeriodEnd", "BillingCurrency")


class Tally:
    """Counts batches; the quarantined are what was read and not published."""

    def __init__(self, currency: str | None = None) -> None:
        self._currency = currency
        self._read_rows = self._published_rows = 0
        self._read, self._published = CostSums(currency), CostSums(currency)
        self._named: Counter[Named] = Counter()
        self.part_records = 0
        self.part_billed_cost = Decimal(0)

    @classmethod
    def resumed(cls, sums: CostSums, named: Mapping[Named, int]) -> Self:
        """Go on from a count of charges of which none was quarantined."""
        tally = cls()
        tally._read_rows = tally._published_rows = sum(named.values())
        tally._read.merge(sums)
        tally._published.merge(sums)
        tally._named.update(named)
        return tally

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
        self.part_billed_cost = exact_sum([self.part_billed_cost, _billed_cost(read)])
        self._named.update(_named(published))
        if len({(each.start, each.end) for each in self._named}) > _MOST_PERIODS:
            raise NotPublishable(
                f"read {_NAMED_IN.start} and {_NAMED_IN.end}: more than {_MOST_PERIODS} different "
                "billing periods; a report names a few months, so these columns hold something "
                "else"
            )

    def remove(self, charges: pa.Table) -> None:
        """Take back charges that were counted; what none of the others names is forgotten."""
        self._read_rows -= charges.num_rows
        self._published_rows -= charges.num_rows
        gone = self._sums(charges)
        self._named.subtract(_named(charges))
        self._named = +self._named
        left = {each.currency or NO_CURRENCY for each in self._named}
        self._read = self._read.minus(gone).only(left)
        self._published = self._published.minus(gone).only(left)

    def _sums(self, charges: pa.Table) -> CostSums:
        sums = CostSums(self._currency)
        sums.add(charges)
        return sums

    @property
    def named(self) -> Mapping[Named, int]:
        """How many published charges name what."""
        return self._named

    @property
    def billed_cost(self) -> Decimal:
        """The BilledCost of all that was read, over all currencies."""
        return _billed_cost(self._read)

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
        texts = sorted(
            {(each.start, each.end) for each in self._named},
            key=lambda period: tuple(side or "" for side in period),
        )
        sides = [
            instants.parse(pa.array([period[side] for period in texts], pa.string())).values
            for side in range(2)
        ]
        return [
            BillingPeriod(start=_aware(start), end=_aware(end))
            for start, end in dict.fromkeys(zip(*(side.to_pylist() for side in sides), strict=True))
        ]


def _named(charges: pa.Table) -> dict[Named, int]:
    nothing = pa.nulls(charges.num_rows, pa.string())
    present = frozenset(charges.column_names)
    columns = {name: charges.column(name) if name in present else nothing for name in _NAMED_IN}
    counted = pa.table(columns).group_by(_NAMED_IN).aggregate([([], "count_all")])
    counts = counted.column("count_all").to_pylist()
    keys = zip(*(counted.column(name).to_pylist() for name in _NAMED_IN), strict=True)
    return {Named(*key): count for key, count in zip(keys, counts, strict=True)}


def _billed_cost(sums: CostSums) -> Decimal:
    found = (sums.get(currency, "BilledCost") for currency in sums.currencies())
    return exact_sum(cost for cost in found if cost is not None)


def _aware(instant: datetime | None) -> datetime | None:
    return instant.replace(tzinfo=UTC) if instant is not None else None
