"""Charges that lie outside the billing periods which a delivery is declared to be the state of."""

from collections.abc import Mapping, Sequence

import numpy as np
import polars as pl
from numpy.typing import NDArray

from costwire_focus.rules.rule import INSTANT

_STARTS = ("BillingPeriodStart", "ChargePeriodStart")
_END = "BillingPeriodEnd"


def outside(
    derived: Mapping[str, pl.Series], declared: Sequence[str]
) -> dict[str, NDArray[np.bool_]]:
    """The charges of other months than the declared, by the column that tells their month.

    Month:    that of the middle of the billing period, whatever its zone (`manifest.month_of`); of
              a charge without one, the month in which its charge period starts.
    Undated:  a charge that names no period belongs to the declared one.
    Declared: months such as `2024-09`; none leaves every charge inside.
    """
    starts = [name for name in _STARTS if name + INSTANT in derived]
    if not declared or not starts:
        return {}
    frame = pl.DataFrame({name: derived[name + INSTANT] for name in starts})
    end = derived.get(_END + INSTANT)
    frame = frame.with_columns(
        pl.lit(None, pl.Int64).alias(_END) if end is None else end.alias(_END)
    )
    begin = pl.coalesce(_first_of_month(name) if name == _STARTS[1] else name for name in starts)
    length = (pl.col(_END) - begin).clip(lower_bound=0).fill_null(0)
    month = (begin + length // 2).cast(pl.Datetime("ms")).dt.strftime("%Y-%m")
    found = frame.select(
        outside=~month.is_in(list(declared)).fill_null(True),
        **{name: pl.col(name).is_not_null() for name in starts},
    )
    masks, left = {}, found["outside"]
    for name in starts:
        masks[name] = left & found[name]
        left = left & ~found[name]
    return {name: mask.to_numpy() for name, mask in masks.items() if mask.any()}


def _first_of_month(name: str) -> pl.Expr:
    return pl.col(name).cast(pl.Datetime("ms")).dt.truncate("1mo").cast(pl.Int64)
