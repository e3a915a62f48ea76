"""What the database handler is asked for a bill: the parameters of its `/costs`. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final
from urllib.parse import quote

from costwire_aggregator.costs.amounts import METRICS
from costwire_aggregator.costs.model import Period

Query = dict[str, str]

RESOURCE: Final = "ResourceId"
COLUMNS: Final = (RESOURCE, "ResourceName", "SubAccountId", "RegionId")
"""What charges are grouped by, as far as the table has it."""
TAGS: Final = "Tags"

_TAGS_AT_ONCE = 7
"""Charges are grouped by eight dimensions at most; one of them is the resource."""
_LONGEST_TAGS = 2_000
"""In one request, as addresses spell them: they stand there twice, and it may have 8 KiB."""
_LONGEST_TAG = 1_500
_SPEAKABLE = re.compile(r"[^\]\r\n]+")
"""What can stand in brackets."""


def of_charges(table: str, period: Period, columns: Sequence[str], rows: int) -> Query:
    """The first page of a month's charges by these columns, so many rows of it."""
    return {
        "table": table,
        "from": period.month,
        "to": period.following,
        "metric": ",".join(METRICS),
        "limit": str(rows),
        "by": ",".join(columns),
    }


def of_tags(charges: Query, keys: Sequence[str]) -> Query:
    """Of the same charges those that have one of these tags, by their resource and the tags."""
    literals = [key.replace("'", "''") for key in keys]
    return charges | {
        "by": ",".join([RESOURCE, *(f"{TAGS}['{key}']" for key in keys)]),
        "filter": " OR ".join(f"{TAGS}['{literal}'] IS NOT NULL" for literal in literals),
    }


def of_column(table: str, column: str) -> Query:
    """Whether charges can be grouped by it: of a month that has none."""
    return {"table": table, "from": "0001-01", "to": "0001-02", "by": column}


def batches(keys: Sequence[str]) -> Iterator[list[str]]:
    """The tags of each request; without those that cannot be asked for, and no cloud has."""
    batch: list[str] = []
    length = 0
    for key in keys:
        size = len(quote(key))
        if size > _LONGEST_TAG or not _SPEAKABLE.fullmatch(key):
            continue
        if len(batch) == _TAGS_AT_ONCE or length + size > _LONGEST_TAGS:
            yield batch
            batch, length = [], 0
        batch.append(key)
        length += size
    if batch:
        yield batch
