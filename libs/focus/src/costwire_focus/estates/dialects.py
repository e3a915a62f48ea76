"""How providers spell the same report as CSV: nulls, quotes, times, exponents, compression."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Dialect:
    """The spelling of one CSV file.

    `quoting`: `needed` quotes what has to be quoted, `text` all but amounts, `all` every cell
    that is not null. `times`: as FOCUS wants them, with milliseconds, without seconds, or with a
    blank and no zone. `exponents`: small amounts are written as binary doubles are printed.
    """

    null: str = ""
    quoting: Literal["needed", "text", "all"] = "needed"
    times: Literal["focus", "milliseconds", "minutes", "blank"] = "focus"
    exponents: bool = False
    newline: Literal["\n", "\r\n"] = "\n"
    byte_order_mark: bool = False
    gzip: bool = False


FOCUS = Dialect()
