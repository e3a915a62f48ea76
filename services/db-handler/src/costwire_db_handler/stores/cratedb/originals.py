"""The original handler's cost tables: how one is recognised, and its cells as a report has them.

Pure. Source: what the original stores, as it was found by running it.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pyarrow as pa

from costwire_focus.canonical import canonical_text, to_text
from costwire_focus.columns import COLUMNS

KEPT = "__original"
"""What the old table's name ends with, once a versioned one has its name."""
KEY = (
    *("chargeperiodstart", "resourceid", "skupriceid", "resourcename"),
    *("chargeperiodend", "billingperiodstart", "billingperiodend"),
)
"""Its primary key, the columns first that tell most rows apart."""

_TEXT, _DOUBLE, _OBJECT = "text", "double precision", "object"
_TIMESTAMP = "timestamp without time zone"
_COLUMNS = {
    _TIMESTAMP: "billingperiodend billingperiodstart chargeperiodend chargeperiodstart",
    _DOUBLE: "billedcost commitmentdiscountquantity contractedcost contractedunitcost "
    "effectivecost listcost listunitprice pricingquantity",
    _TEXT: "availabilityzone billingaccountid billingaccountname billingcurrency "
    "capacityreservationid capacityreservationstatus chargecategory chargeclass chargedescription "
    "chargefrequency commitmentdiscountcategory commitmentdiscountid commitmentdiscountname "
    "commitmentdiscountstatus commitmentdiscounttype commitmentdiscountunit consumedunit "
    "consumedquantity invoiceissuername pricingcategory pricingunit providername publishername "
    "regionid regionname resourceid resourcename resourcetype servicecategory servicename "
    "servicesubcategory skuid skumeter skupricedetails skupriceid subaccountid subaccountname",
    _OBJECT: "tags",
}
_TYPES = {name: kind for kind, names in _COLUMNS.items() for name in names.split()}
_NULLS = frozenset({"", "NULL", "null"})
"""Cells without a value, as the original stored them."""
_FOCUS_NAMES = {name.lower(): name for name in COLUMNS}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def is_key(columns: Iterable[str]) -> bool:
    """Whether a table with this primary key is one of the original's."""
    return set(columns) == set(KEY)


def difference(key: Iterable[str], types: Mapping[str, str]) -> str | None:
    """In what a table is not as the original makes it; None where it is.

    `types`: column -> CrateDB's name of its type. Columns beyond the original's may be of any: it
    adds one for each label that it has no column for.
    """
    if not is_key(key):
        return f"its primary key is ({', '.join(key)}), not ({', '.join(KEY)})"
    for name, kind in _TYPES.items():
        if types.get(name) != kind:
            return f"its column {name} is {types.get(name, 'missing')}, not {kind}"
    names = report_names(types)
    twice = {name for name in names.values() if [*names.values()].count(name) > 1}
    return f"two of its columns are {min(twice)}" if twice else None


def doubles(types: Mapping[str, str]) -> list[str]:
    """The columns of binary floating point numbers."""
    return [name for name, kind in types.items() if kind == _DOUBLE]


def report_names(columns: Iterable[str]) -> dict[str, str]:
    """column -> its name in reports: CrateDB folded the names of FOCUS; the others stay."""
    return {column: _FOCUS_NAMES.get(column, column) for column in columns}


def report_cells(kind: str, values: Sequence[Any]) -> pa.Array:
    """The cells of a column as a report has them: text, and null where there is no value."""
    read = _READERS.get(kind)
    if read is None:
        texts = [None if value is None else _other_text(value) for value in values]
    else:
        known = {value: read(value) for value in {*values} - {None}}
        texts = [known.get(value) for value in values]
    return pa.array(texts, pa.string())


def number(text: str | None) -> Decimal:
    """What a cell of a column of doubles adds to a sum: nothing where it is no finite number."""
    value = Decimal(text or 0)
    return value if value.is_finite() else Decimal(0)


def _text(value: str) -> str | None:
    return None if value in _NULLS else value


def _instant_text(milliseconds: int) -> str:
    """In UTC: the original dropped the offset."""
    try:
        return to_text(_EPOCH + timedelta(milliseconds=milliseconds))
    except OverflowError:
        return str(milliseconds)  # of no year that has four digits, and told as such


def _double_text(value: Decimal | str) -> str:
    """The shortest decimal that is this double; NaN and infinities come as texts, and stay so."""
    double = float(value)
    return canonical_text(Decimal(repr(double))) if math.isfinite(double) else str(value)


def _other_text(value: Any) -> str:
    if isinstance(value, Decimal):
        return canonical_text(value)
    if isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False, sort_keys=True, default=float)


_READERS: Mapping[str, Callable[[Any], str | None]] = {
    _TEXT: _text,
    _TIMESTAMP: _instant_text,
    _DOUBLE: _double_text,
}
