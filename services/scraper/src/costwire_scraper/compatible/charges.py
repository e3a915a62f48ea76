"""The original exporter's labels as the charges they were made from; pure."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from costwire_focus.columns import ValueType, value_type
from costwire_focus.exposition.labels import unescape
from costwire_focus.flattened_tags import with_json_tags

VALUE_LABEL = "BilledCost"
NO_TIME = "0001-01-01T00:00:00Z"
"""What the original writes for a time that its source does not tell."""


def charges_of(labels: pa.Table) -> tuple[pa.Table, int]:
    """The charges among the samples, and how many samples are none (they lack BilledCost).

    Tags become JSON again, the year 1 becomes null, escaped label names become column names.
    """
    charges = labels.rename_columns([unescape(name) for name in labels.column_names])
    if VALUE_LABEL not in charges.column_names:
        return charges, 0
    is_charge = pc.is_valid(charges.column(VALUE_LABEL))
    others = charges.num_rows - pc.sum(is_charge).as_py() if charges.num_rows else 0
    if others:
        charges = charges.filter(is_charge)
    return with_json_tags(_without_year_one(charges)), others


def _without_year_one(charges: pa.Table) -> pa.Table:
    for index, name in enumerate(charges.column_names):
        if value_type(name) is ValueType.INSTANT:
            cells = charges.column(name)
            told = pc.if_else(pc.equal(cells, NO_TIME), pa.scalar(None, pa.string()), cells)
            charges = charges.set_column(index, name, told)
    return charges
