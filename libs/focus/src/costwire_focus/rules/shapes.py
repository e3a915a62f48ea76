"""The lists of objects that FOCUS defines inside cells, and what is wrong with one."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import polars as pl

from costwire_focus.versions import CUSTOM_PREFIX

STRING: Final = "string"
NUMBER: Final = "number"
NULL: Final = "null"

_VALUE: Final = "#"
_CUSTOM_KEY: Final = rf"^{CUSTOM_PREFIX}[A-Z][A-Za-z0-9]*$"


@dataclass(frozen=True)
class Shape:
    """What a cell's one list holds: keys and the kind of their values.

    A key in `optional` may be absent or null. `other`: what else makes an element wrong, over
    columns that are named like the keys and hold the kind of their value, null where absent.
    """

    listed: str
    required: Mapping[str, str]
    optional: Mapping[str, str] = field(default_factory=dict)
    ranges: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    aliases: Mapping[str, str] = field(default_factory=dict)
    other: pl.Expr | None = None

    @property
    def kinds(self) -> dict[str, str]:
        """Every key that FOCUS defines, with the kind of its values."""
        return {**self.required, **self.optional}


def shape_of(column: str, version: str) -> Shape | None:
    """The shape of a column's cells in one version; None where FOCUS names no keys.

    1.3 was first printed with `ContractCommitmentID`: both spellings stand for it there. Its text
    wants a cost, or a quantity with its unit; the schema of 1.4 exactly one of them.
    """
    match column:
        case "ContractApplied":
            exactly_one = _GIVEN_COST ^ _GIVEN_QUANTITY
            right = exactly_one if version >= "1.4" else _GIVEN_COST | _GIVEN_QUANTITY
            spellings = {} if version >= "1.4" else {_COMMITMENT[:-1] + "D": _COMMITMENT}
            return Shape(
                "Elements",
                {"ContractId": STRING, _COMMITMENT: STRING},
                {_COST: NUMBER, _QUANTITY: NUMBER, _UNIT: STRING},
                aliases=spellings,
                other=~right | (_is(_QUANTITY, NUMBER) & ~_is(_UNIT, STRING)),
            )
        case "AllocatedMethodDetails":
            return Shape(
                "Elements",
                {_RATIO: NUMBER},
                {"UsageUnit": STRING, "UsageQuantity": NUMBER},
                ranges={_RATIO: (0.0, 1.0)},
                other=_is("UsageQuantity", NUMBER) & ~_is("UsageUnit", STRING),
            )
        case "CommitmentProgramEligibilityDetails":
            return Shape("CommitmentPrograms", {"ProgramType": STRING})
        case _:
            return None


def wrong_elements(pairs: pl.DataFrame, shape: Shape) -> pl.DataFrame:
    """Which elements are wrong: `at`, `wrong` from their pairs `at`, `key`, `kind`, `value`."""
    name = pl.col("key").replace(dict(shape.aliases))
    held = pairs.group_by("at").agg(
        foreign=(~name.is_in(list(shape.kinds)) & ~pl.col("key").str.contains(_CUSTOM_KEY)).any(),
        **{key: pl.col("kind").filter(name == key).first().fill_null(NULL) for key in shape.kinds},
        **{
            key + _VALUE: pl.col("value").filter(name == key).first().cast(pl.Float64, strict=False)
            for key in shape.ranges
        },
    )
    wrong = pl.any_horizontal(
        pl.col("foreign"),
        *(pl.col(key) != kind for key, kind in shape.required.items()),
        *(~pl.col(key).is_in([kind, NULL]) for key, kind in shape.optional.items()),
        *(
            ~pl.col(key + _VALUE).is_between(*bounds).fill_null(True)
            for key, bounds in shape.ranges.items()
        ),
        *(() if shape.other is None else (shape.other,)),
    )
    return held.select("at", wrong=wrong)


def flat_elements(document: Mapping[str, Any], shape: Shape) -> list[str] | None:
    """The elements of a parsed cell as flat JSON; None where it holds no such list.

    What a custom key holds is the provider's own: it is left out, however deep.
    """
    listed = document.get(shape.listed)
    extra = document.keys() - {shape.listed}
    if not isinstance(listed, list) or not listed:
        return None
    if not all(re.match(_CUSTOM_KEY, key) for key in extra):
        return None
    if not all(isinstance(element, dict) for element in listed):
        return None
    return [json.dumps(_without_custom(element), ensure_ascii=False) for element in listed]


def _without_custom(element: Mapping[str, Any]) -> dict[str, Any]:
    return {
        key: True if isinstance(value, dict | list) else value  # a kind that no key of FOCUS has
        for key, value in element.items()
        if not re.match(_CUSTOM_KEY, key)
    }


def _is(key: str, kind: str) -> pl.Expr:
    return pl.col(key) == kind


_COMMITMENT: Final = "ContractCommitmentId"
_COST: Final = "ContractCommitmentAppliedCost"
_QUANTITY: Final = "ContractCommitmentAppliedQuantity"
_UNIT: Final = "ContractCommitmentAppliedUnit"
_RATIO: Final = "AllocatedRatio"
_GIVEN_COST: Final = _is(_COST, NUMBER)
_GIVEN_QUANTITY: Final = _is(_QUANTITY, NUMBER)
