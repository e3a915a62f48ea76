"""Scaled integers as decimal text, and their exact sums; no binary float anywhere."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import polars as pl
import pyarrow as pa

from costwire_focus.canonical import canonical_text, exact_sum
from costwire_focus.estates.draws import Ints

_HALF = 10**9


def scaled_text(value: int, decimals: int) -> str:
    """One scaled integer as canonical text: 1500 with 3 decimals is `1.5`."""
    return canonical_text(Decimal(f"{value}E-{decimals}"))


def scaled_texts(values: Ints, decimals: Ints, fixed: int | None = None) -> pa.Array:
    """A column of scaled integers as text, each with its own number of decimals (at most 18).

    Without trailing zeros, or with at least `fixed` decimals where given.
    """
    unit = np.power(10, decimals)
    size = np.abs(values)
    frame = pl.DataFrame(
        {"whole": size // unit, "rest": size % unit + unit, "negative": values < 0}
    )
    rest = pl.col("rest").cast(pl.String).str.slice(1).str.strip_chars_end("0")
    if fixed is not None:
        rest = rest.str.pad_end(fixed, "0")
    point = pl.when(rest == "").then(pl.lit("")).otherwise(pl.lit("."))
    sign = pl.when(pl.col("negative")).then(pl.lit("-")).otherwise(pl.lit(""))
    text = pl.concat_str([sign, pl.col("whole").cast(pl.String), point, rest])
    return frame.select(text.alias("text")).get_column("text").to_arrow().cast(pa.string())


def scaled_sum(values: Ints, decimals: Ints) -> Decimal:
    """The exact sum of scaled integers of differing numbers of decimals."""
    parts = []
    for places in np.unique(decimals).tolist():
        some = values[decimals == places]
        # Halves, because the plain sum of many 18-digit integers leaves 64 bits.
        whole = int(np.sum(some // _HALF)) * _HALF + int(np.sum(some % _HALF))
        parts.append(Decimal(f"{whole}E-{places}"))
    return exact_sum(parts)
