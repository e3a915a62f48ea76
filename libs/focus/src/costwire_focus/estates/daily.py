"""A month as its provider delivers it: a report each day, with what came late or was restated."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from costwire_focus.amounts import COST_COLUMNS
from costwire_focus.canonical import canonical_text, exact_sum, subtract
from costwire_focus.estates.draws import Draws, Ints
from costwire_focus.estates.redelivery import cost_sums, restatable, scaled_charges
from costwire_focus.estates.report import Report
from costwire_focus.estates.tags import ENVIRONMENTS

CHANGE_KINDS = ("new", "late", "corrected", "redimensioned", "withdrawn")
"""Why a charge differs from the delivery before, as the truth calls it."""

_PER_MILLE = {"corrected": 10, "redimensioned": 2, "withdrawn": 1}
_PER_MILLE_OF_WHOLE = {"corrected": 7, "redimensioned": 2, "withdrawn": 1}
_LATE_PER_MILLE = 20  # of a day's charges
_EARLIEST, _DELAYS = 2, 4  # late charges come 2 to 5 days after their own
_CORRECTIONS = 2  # of one charge at most: each gives its amounts two decimals more
_KEY = ("ChargeCategory", "ResourceId", "SkuPriceId", "ChargePeriodStart", "ChargePeriodEnd")
_JSON = json.JSONEncoder(ensure_ascii=False)

Mask = npt.NDArray[np.bool_]


def daily(report: Report, seed: int, days: int = 30, *, whole: bool = False) -> Iterator[Report]:
    """The deliveries of a month, each the whole of what is known of it until that day.

    Delivery n adds the charges whose charge period began on day n, and what had stayed behind of
    days before; of what the delivery before held it corrects 1 % (quantities and costs), gives
    other tags or another name to 0.2 % and leaves out 0.1 %. With fewer days than the month has the
    rest of it is never delivered; with more, those after it bring what is late and change what is
    there. `whole`: the first delivery holds all of the month, and each of the following changes 1 %
    of it.

    `truth["delivery"]` tells the day, how many charges are new, late, corrected, redimensioned,
    withdrawn and unchanged, and by how much each kind changes the sums. A charge is late where its
    charge period had ended before the newest one that was delivered before began.
    """
    if report.truth["defects"]:
        raise ValueError(f"deliver {report.name} daily: a report with planted defects stays whole")
    if days < 1:
        raise ValueError(f"deliver {report.name} daily: {days} days are none")
    month = _Month(report, Draws(seed, "daily", report.name), days, whole=whole)
    for day in range(1, days + 1):
        yield month.deliver(day)


@dataclass
class _Step:
    """What a delivery changes: the rows of each kind, and by how much they change the sums."""

    rows: dict[str, Ints]
    differences: dict[str, dict[str, Decimal]]


class _Month:
    """All charges of a month as they stand, and which of them have been delivered."""

    def __init__(self, report: Report, draws: Draws, days: int, *, whole: bool) -> None:
        self._report = report
        self._draws = draws
        self._charges = report.charges.combine_chunks()
        self._per_mille = _PER_MILLE_OF_WHOLE if whole else _PER_MILLE
        frame = pl.DataFrame(pl.from_arrow(self._charges.select(_KEY)))
        # Of equal keys nobody can tell which of two charges became which.
        self._may_change = restatable(report) & frame.is_unique().to_numpy()
        self._began, self._ended = (frame[name].to_numpy() for name in _KEY[-2:])
        count = self._charges.num_rows
        self._arrival = np.ones(count, np.int64) if whole else self._arrivals(days)
        self._gone = np.zeros(count, np.bool_)
        self._corrections = np.zeros(count, np.int64)
        self._sums = dict.fromkeys(COST_COLUMNS, Decimal(0))

    def _arrivals(self, days: int) -> Ints:
        """On which day each charge is delivered for the first time; after the last one: never."""
        began = self._charges.column("ChargePeriodStart")
        day = np.asarray(pc.cast(pc.utf8_slice_codeunits(began, 8, 10), pa.int64()))
        in_month = np.asarray(pc.starts_with(began, self._report.month))
        day = np.where(in_month, day, 1)  # corrections of the month before come with the first
        delay = _EARLIEST + self._draws.below("delay", _DELAYS, len(day))
        late = self._draws.below("late", 1000, len(day)) < _LATE_PER_MILLE
        late &= self._may_change & (day + _EARLIEST <= days)
        return np.where(late, np.minimum(day + delay, days), day).astype(np.int64)

    def deliver(self, day: int) -> Report:
        """Make a day's changes, and the report that holds them."""
        before = (self._arrival < day) & ~self._gone
        step = self._change(day, before)
        for difference in step.differences.values():
            for name in COST_COLUMNS:
                self._sums[name] = exact_sum((self._sums[name], difference[name]))
        shown = np.flatnonzero((self._arrival <= day) & ~self._gone)
        return replace(
            self._report,
            charges=self._charges.take(pa.array(shown)),
            truth=self._truth(day, step, len(shown), int(before.sum())),
            ordinary=self._report.ordinary[shown],
        )

    def _change(self, day: int, before: Mask) -> _Step:
        came = np.flatnonzero(self._arrival == day)
        late = self._is_late(came, before)
        chosen = self._choose(day, before)
        rows = {"new": came[~late], "late": came[late]} | chosen
        differences = {kind: self._cost(rows[kind]) for kind in ("new", "late")}
        gone = self._cost(rows["withdrawn"])
        self._gone[rows["withdrawn"]] = True
        earlier = self._cost(rows["corrected"])
        self._correct(rows["corrected"], self._draws.child("corrected", day))
        later = self._cost(rows["corrected"])
        self._redimension(rows["redimensioned"], day)
        differences |= {
            "corrected": {name: subtract(later[name], earlier[name]) for name in COST_COLUMNS},
            "redimensioned": dict.fromkeys(COST_COLUMNS, Decimal(0)),
            "withdrawn": {name: gone[name].copy_negate() for name in COST_COLUMNS},
        }
        return _Step(rows, differences)

    def _is_late(self, came: Ints, before: Mask) -> Mask:
        if not before.any():
            return np.zeros(len(came), np.bool_)
        return np.asarray(self._ended[came] <= max(self._began[before]), np.bool_)

    def _choose(self, day: int, before: Mask) -> dict[str, Ints]:
        """The charges to restate: those that may be, drawn without taking one twice."""
        draws = self._draws.child("choice", day)
        named = [
            np.asarray(pc.is_valid(self._charges.column(name))) for name in ("Tags", "ResourceName")
        ]
        suitable = {
            "corrected": self._corrections < _CORRECTIONS,
            "redimensioned": named[0] | named[1],
            "withdrawn": np.ones_like(before),
        }
        free, chosen = before & self._may_change, {}
        for kind, fits in suitable.items():
            candidates = np.flatnonzero(free & fits)
            wanted = -(-int(before.sum()) * self._per_mille[kind] // 1000)
            some = candidates[draws.order(kind, len(candidates))[:wanted]]
            chosen[kind] = np.sort(some)
            free[some] = False
        return chosen

    def _cost(self, rows: Ints) -> dict[str, Decimal]:
        return cost_sums(self._charges.select(COST_COLUMNS).take(pa.array(rows)))

    def _correct(self, rows: Ints, draws: Draws) -> None:
        changed = scaled_charges(self._charges, rows, draws)
        for name in changed.column_names:
            if not changed.column(name).equals(self._charges.column(name).take(pa.array(rows))):
                self._put(name, rows, changed.column(name))
        self._corrections[rows] += 1

    def _redimension(self, rows: Ints, day: int) -> None:
        """Give resources another environment, where they are tagged, or another name."""
        tags, names = (
            self._charges.column(name).take(pa.array(rows)).to_pylist()
            for name in ("Tags", "ResourceName")
        )
        renamed = self._draws.child("renamed", day).below("side", 2, len(rows))
        for at, (text, name) in enumerate(zip(tags, names, strict=True)):
            if text is None or (name is not None and renamed[at]):
                names[at] = f"{name.partition(' since day ')[0]} since day {day}"
            else:
                tags[at] = _moved(text)
        self._put("Tags", rows, pa.array(tags, pa.string()))
        self._put("ResourceName", rows, pa.array(names, pa.string()))

    def _put(self, name: str, rows: Ints, cells: pa.Array | pa.ChunkedArray) -> None:
        """Write cells of one column anew; `rows` ascend."""
        mask = np.zeros(self._charges.num_rows, np.bool_)
        mask[rows] = True
        if isinstance(cells, pa.ChunkedArray):
            cells = cells.combine_chunks()
        column = pc.replace_with_mask(
            self._charges.column(name).combine_chunks(), pa.array(mask), cells
        )
        place = self._charges.column_names.index(name)
        self._charges = self._charges.set_column(place, name, column)

    def _truth(self, day: int, step: _Step, shown: int, before: int) -> dict[str, Any]:
        known = self._report.truth
        (currency,) = known["sums"] or ("",)
        counts = {kind: len(step.rows[kind]) for kind in CHANGE_KINDS}
        changed = sum(counts[kind] for kind in ("corrected", "redimensioned", "withdrawn"))
        return {
            **{name: known[name] for name in ("file", "provider", "month", "focusVersion")},
            "rows": shown,
            "usable": shown,
            "sums": {currency: _texts(self._sums)} if shown else {},
            "defects": [],
            "delivery": {
                "day": day,
                **counts,
                "unchanged": before - changed,
                "differences": {kind: _texts(step.differences[kind]) for kind in CHANGE_KINDS},
            },
        }


def _moved(text: str) -> str:
    """Tags with the next environment."""
    tags = json.loads(text)
    known = list(dict.fromkeys(ENVIRONMENTS))
    at = known.index(tags["env"]) if tags.get("env") in known else -1
    return _JSON.encode(tags | {"env": known[(at + 1) % len(known)]})


def _texts(sums: dict[str, Decimal]) -> dict[str, str]:
    return {name: canonical_text(total) for name, total in sums.items()}
