"""The charges of one file as numbers: which item, which resource, when, how much."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields
from typing import cast

import numpy as np
import numpy.typing as npt

from costwire_focus.estates.draws import Ints
from costwire_focus.estates.items import Items

_COSTS = ("BilledCost", "EffectiveCost", "ListCost", "ContractedCost")


@dataclass(frozen=True)
class Rows:
    """Columns of numbers, one position per charge; -1 stands for none."""

    item: Ints
    resource: Ints
    start: Ints  # hours from the start of the month before
    hours: Ints
    quantity: Ints  # scaled by the item
    amount: Ints  # for items without a price, scaled by the item
    commitment: Ints
    share: Ints  # which part of a split charge
    planted: Ints  # number of the anomaly or waste that the charge belongs to
    ordinary: npt.NDArray[np.bool_]  # plain usage, which a later delivery may restate

    def __len__(self) -> int:
        return len(self.item)

    def take(self, order: Ints) -> Rows:
        """The charges at these positions, in this order."""
        return Rows(**{field.name: getattr(self, field.name)[order] for field in fields(self)})


def make_rows(
    count: int,
    *,
    item: Ints | int,
    resource: Ints | int,
    start: Ints | int,
    hours: Ints | int,
    quantity: Ints | int = 0,
    amount: Ints | int = 0,
    commitment: int = -1,
    share: Ints | int = -1,
    planted: int = -1,
    ordinary: bool = False,
) -> Rows:
    """Charges of which some numbers are the same in all."""
    return Rows(
        item=_spread(item, count),
        resource=_spread(resource, count),
        start=_spread(start, count),
        hours=_spread(hours, count),
        quantity=_spread(quantity, count),
        amount=_spread(amount, count),
        commitment=_spread(commitment, count),
        share=_spread(share, count),
        planted=_spread(planted, count),
        ordinary=np.full(count, ordinary),
    )


def join(groups: Iterable[Rows]) -> Rows:
    """All charges of several groups."""
    some = list(groups)
    names = [field.name for field in fields(Rows)]
    return Rows(**{name: np.concatenate([getattr(rows, name) for rows in some]) for name in names})


@dataclass(frozen=True)
class Costs:
    """The four costs of each charge as scaled integers, and their numbers of decimals."""

    values: dict[str, Ints]
    decimals: Ints

    def exchanged(self, factor: int, shift: int) -> Costs:
        """The same costs in another currency."""
        if factor == 1:
            return self
        values = {name: value * factor for name, value in self.values.items()}
        return Costs(values, self.decimals + shift)


def costs_of(rows: Rows, items: Items) -> Costs:
    """Multiply quantities by prices, in the pricing currency, exactly.

    Shape: quantities have at most 8 digits and prices with their discount and exchange rate at
           most 10, so that each product fits 64 bits.
    """
    values = {name: rows.quantity * items.unit[name][rows.item] + rows.amount for name in _COSTS}
    return Costs(values, items.decimals[rows.item])


def _spread(number: Ints | int, count: int) -> Ints:
    return cast(Ints, np.broadcast_to(np.asarray(number, dtype=np.int64), (count,)))
