"""What a commit has to know of each part before it reads any charge: told when it is staged.

Parts are prepared while others are still under way, a commit has its table to itself: so whatever
can be counted of a part alone is counted here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import BaseModel, ConfigDict

from costwire_focus.amounts import CostSums
from costwire_focus.columns import ValueType, value_type
from costwire_focus.repeats import each_once

Period = tuple[str, datetime | None]
"""Start of a billing period as text, '' where nothing tells it; and its end."""


class Summary(BaseModel):
    """Counts of one part, or of several."""

    model_config = ConfigDict(frozen=True)

    sums: Mapping[str, Mapping[str, str | None]]
    """Of the charges as they came, the refused ones included.

    currency -> cost column -> sum; None where the column is absent.
    """
    periods: frozenset[Period]
    """Of the others, as all that follows."""
    longest: Mapping[str, int]
    """column of texts -> bytes of its longest"""
    tag_keys: Mapping[str, Mapping[str, tuple[int, int]]]
    """column of tags -> key -> how many charges have it, and bytes of its longest value"""

    @classmethod
    def merged(cls, parts: Iterable[Summary]) -> Summary:
        """Several parts as one."""
        sums, periods = CostSums(), set[Period]()
        longest: dict[str, int] = {}
        tag_keys: dict[str, dict[str, tuple[int, int]]] = {}
        for part in parts:
            sums.merge(part.cost_sums)
            periods |= part.periods
            for name, length in part.longest.items():
                longest[name] = max(length, longest.get(name, 0))
            for name, keys in part.tag_keys.items():
                known = tag_keys.setdefault(name, {})
                for key, (count, length) in keys.items():
                    before, longer = known.get(key, (0, 0))
                    known[key] = before + count, max(length, longer)
        return cls(
            sums=sums.to_json(), periods=frozenset(periods), longest=longest, tag_keys=tag_keys
        )

    @property
    def cost_sums(self) -> CostSums:
        """The sums."""
        return CostSums.of(
            {
                currency: {name: Decimal(text) for name, text in lines.items() if text is not None}
                for currency, lines in self.sums.items()
            }
        )


def summarize(
    charges: pa.Table,
    periods: pa.ChunkedArray,
    tags: Mapping[str, pa.DictionaryArray],
    refused: pa.Table,
) -> Summary:
    """Count a part.

    `charges`: typed, dictionaries; `periods`: the start of each one's billing period; `tags`:
    column -> maps; `refused`: what could not be typed, as it came.
    """
    sums = CostSums()
    sums.add_typed(charges)
    sums.add(refused)
    return Summary(
        sums=sums.to_json(),
        periods=_periods(charges, periods),
        longest={
            name: _longest(each_once(charges.column(name)).dictionary)
            for name in charges.column_names
            if value_type(name) is ValueType.TEXT
        },
        tag_keys={name: _tag_keys(maps) for name, maps in tags.items()},
    )


def _periods(charges: pa.Table, starts: pa.Array) -> frozenset[Period]:
    told = {"start": starts}
    if "BillingPeriodEnd" in charges.column_names:
        told["end"] = charges.column("BillingPeriodEnd")
    distinct = pa.table(told).group_by([*told]).aggregate([]).to_pylist()
    return frozenset((each["start"], each.get("end")) for each in distinct)


def _longest(texts: pa.Array) -> int:
    return pc.max(pc.binary_length(texts)).as_py() or 0


def _tag_keys(tags: pa.DictionaryArray) -> dict[str, tuple[int, int]]:
    maps = tags.dictionary
    places = tags.indices.drop_null().to_numpy()
    charges = np.bincount(places, minlength=len(maps))
    pairs = np.diff(maps.offsets.to_numpy())
    told = {"key": maps.keys, "bytes": pc.binary_length(maps.items), "n": charges.repeat(pairs)}
    counted = pa.table(told).group_by("key").aggregate([("n", "sum"), ("bytes", "max")])
    return {
        each["key"]: (each["n_sum"], each["bytes_max"] or 0)
        for each in counted.to_pylist()
        if each["n_sum"]
    }
