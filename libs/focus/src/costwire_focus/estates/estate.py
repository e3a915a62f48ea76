"""What an estate is to hold, and how its charges are shared out over clouds, months and files."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Literal

from costwire_focus.columns import VERSIONS
from costwire_focus.estates.calendar import Month
from costwire_focus.estates.catalogue import Cloud
from costwire_focus.estates.clouds import CLOUDS
from costwire_focus.estates.defects import DEFECTS

EXCHANGE = {"USD": (1, 0), "EUR": (92, 2), "GBP": (79, 2), "CHF": (88, 2), "JPY": (150, 0)}
"""Units of a billing currency for one US dollar, scaled, and the number of decimals."""

_MONTH = re.compile(r"[0-9]{4}-(0[1-9]|1[0-2])")


@dataclass(frozen=True)
class Estate:
    """A set of reports to make up; the same estate gives the same reports everywhere.

    `rows` is the exact number of charges over all files, before defects shorten any.
    `currencies` names clouds that bill in another currency than `currency`.
    `growth_percent` is by how much each month has more charges than the one before.
    `defects` are broken rows to plant in every file; a name may be repeated.
    `spelling`: `focus` is the plain form of the specification, `native` each provider's own.
    """

    seed: int = 0
    rows: int = 10_000
    clouds: tuple[str, ...] = ("aws", "azure", "gcp", "oci", "saas")
    focus_version: str = "1.0"
    months: tuple[str, ...] = ("2024-09",)
    currency: str = "USD"
    currencies: tuple[tuple[str, str], ...] = ()
    growth_percent: int = 4
    rows_per_file: int = 50_000
    identical_permille: int = 2
    untagged_percent: int = 18
    anomalies: bool = True
    waste: bool = True
    corrections: bool = True
    custom_columns: bool = True
    defects: tuple[str, ...] = field(default=())
    spelling: Literal["focus", "native"] = "focus"

    def __post_init__(self) -> None:
        """Refuse what cannot be made, naming the setting."""
        _one_of("cloud", self.clouds, CLOUDS)
        _one_of("FOCUS version", [self.focus_version], VERSIONS)
        _one_of("currency", [self.currency, *dict(self.currencies).values()], EXCHANGE)
        _one_of("cloud of a currency", dict(self.currencies), self.clouds)
        _one_of("defect", self.defects, DEFECTS)
        for month in self.months:
            if not _MONTH.fullmatch(month):
                raise ValueError(f"plan an estate: month {month!r} is not of the form 2024-09")
        if self.rows < 0 or self.rows_per_file < 1 or not self.months or not self.clouds:
            raise ValueError("plan an estate: it wants rows, files of rows, months and clouds")

    def currency_of(self, cloud: str) -> str:
        """The billing currency of one cloud."""
        return dict(self.currencies).get(cloud, self.currency)


@dataclass(frozen=True)
class Slot:
    """One file to make: `rows` charges of one cloud in one month; `part` counts from 0.

    `base_rows` is about the size of the cloud's smallest file: what must be there in every month
    (commitments, idle resources) is counted by it.
    """

    cloud: Cloud
    month: Month
    month_index: int
    part: int
    parts: int
    rows: int
    base_rows: int

    @property
    def stem(self) -> str:
        """The file's path without its ending."""
        part = f"-{self.part + 1:05d}" if self.parts > 1 else ""
        return f"{self.cloud.key}/{self.month.name}{part}"


def slots(estate: Estate) -> Iterator[Slot]:
    """Share the estate's charges out, exactly; growth makes later months larger."""
    clouds = [CLOUDS[name] for name in estate.clouds]
    pairs = [(cloud, index) for cloud in clouds for index in range(len(estate.months))]
    growth = 100 + estate.growth_percent
    weights = [
        cloud.weight * growth**index * 100 ** (len(estate.months) - index) for cloud, index in pairs
    ]
    shares = share(estate.rows, weights)
    for (cloud, index), rows in zip(pairs, shares, strict=True):
        months = [size for (other, _), size in zip(pairs, shares, strict=True) if other is cloud]
        parts = max(1, -(-rows // estate.rows_per_file))
        base_rows = min(min(months), estate.rows_per_file) // 2 + 1
        for part, some in enumerate(share(rows, [1] * parts)):
            yield Slot(cloud, Month(estate.months[index]), index, part, parts, some, base_rows)


def share(total: int, weights: list[int]) -> list[int]:
    """Split a number by weights without losing one."""
    bounds, seen, whole = [0], 0, sum(weights)
    for weight in weights:
        seen += weight
        bounds.append(total * seen // whole)
    return [end - start for start, end in pairwise(bounds)]


def _one_of(what: str, given: Iterable[str], known: Collection[str]) -> None:
    for name in given:
        if name not in known:
            raise ValueError(f"plan an estate: {what} {name!r} is not one of {', '.join(known)}")
