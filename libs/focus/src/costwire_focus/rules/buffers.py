"""The verdict that no cell is bad."""

from functools import lru_cache

import numpy as np
import polars as pl


@lru_cache(maxsize=4)
def never(length: int) -> pl.Series:
    """False, so often; most verdicts are this one."""
    return pl.Series(np.zeros(length, np.bool_))
