"""How much money stands in the charges that break a rule: BilledCost, exactly, per currency."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Final

import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from costwire_focus import amounts
from costwire_focus.amounts import NO_CURRENCY, CostSums
from costwire_focus.canonical import exact_sum

_BILLED: Final = "BilledCost"
_CURRENCY: Final = "BillingCurrency"

Money = Mapping[str, Decimal]
"""Currency -> sum."""


class Touched:
    """Sums of BilledCost: of all usable charges, of those with any finding, of those of each rule.

    A charge that breaks several rules counts under each, and once among those with any. What is
    told of the header or between rows touches no charge of its own.
    """

    def __init__(self, currency: str | None = None) -> None:
        """`currency`: what stands for an absent BillingCurrency."""
        self._currency = currency or NO_CURRENCY
        self._all = CostSums(currency)
        self._any = CostSums(currency)
        self._by_rule: dict[str, CostSums] = {}

    def add(self, charges: pa.Table, broken: Mapping[str, pl.Series]) -> None:
        """Count a batch: its usable charges, and by rule which of them break it."""
        if _BILLED not in charges.column_names:
            return
        values, _ = amounts.parse(charges.column(_BILLED).combine_chunks())
        if _CURRENCY in charges.column_names:
            currencies = charges.column(_CURRENCY).combine_chunks().fill_null(self._currency)
        else:
            currencies = pa.nulls(len(values), pa.string()).fill_null(self._currency)
        self._all.add_amounts({_BILLED: values}, currencies)
        for rule, mask in broken.items():
            self._count(self._by_rule.setdefault(rule, CostSums()), values, currencies, mask)
        if broken:
            union = pl.DataFrame(dict(broken)).select(pl.any_horizontal(pl.all())).to_series()
            self._count(self._any, values, currencies, union)

    @staticmethod
    def _count(sums: CostSums, values: pa.Array, currencies: pa.Array, mask: pl.Series) -> None:
        chosen = pc.fill_null(mask.to_arrow(), False)
        sums.add_amounts({_BILLED: pc.filter(values, chosen)}, pc.filter(currencies, chosen))

    @property
    def whole(self) -> Money:
        """Of all usable charges."""
        return _money(self._all)

    @property
    def by_any(self) -> Money:
        """Of the charges that break one rule or more."""
        return _money(self._any)

    def by(self, rule: str) -> Money:
        """Of the charges that break the rule."""
        sums = self._by_rule.get(rule)
        return {} if sums is None else _money(sums)


def _money(sums: CostSums) -> dict[str, Decimal]:
    """The sums by currency; 0 where every amount was null."""
    return {
        currency: exact_sum([sums.get(currency, _BILLED) or Decimal(0)])
        for currency in sums.currencies()
    }
