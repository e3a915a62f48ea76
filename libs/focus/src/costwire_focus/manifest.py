"""The manifest of a delivery: what an exporter says, and what later steps are held against."""

from __future__ import annotations

import re
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Literal

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    PlainSerializer,
    WithJsonSchema,
)
from pydantic.alias_generators import to_camel

from costwire_focus.canonical import to_text
from costwire_focus.columns import VERSIONS

MANIFEST_FORMAT = 1
TABLE_NAME = re.compile(r"[a-z][a-z0-9_]{0,62}")
"""Table names are folded by SQL, so they are lower-case from the start."""

MONTH = re.compile(r"[0-9]{4}-(0[1-9]|1[0-2])")

Mode = Literal["replace", "append"]
Instant = Annotated[
    AwareDatetime,
    PlainSerializer(to_text, when_used="json"),
    WithJsonSchema({"type": "string", "format": "date-time"}),
]
Count = Annotated[int, Field(ge=0)]
Currency = Annotated[str, Field(pattern="^[A-Z]{3}$")]
Sha256 = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


def _table_name(name: str) -> str:
    if not TABLE_NAME.fullmatch(name):
        raise ValueError(
            f"{name!r} is no table name: use lower-case letters, digits and _, "
            "a letter first, at most 63"
        )
    return name


def _month(text: str) -> str:
    if not MONTH.fullmatch(text):
        raise ValueError(f"{text!r} is no month: write it as YYYY-MM")
    return text


def _version(text: str) -> str:
    if text not in VERSIONS:
        raise ValueError(
            f"{text!r} is no known version of FOCUS: give one of {', '.join(VERSIONS)}"
        )
    return text


TableName = Annotated[
    str,
    AfterValidator(_table_name),
    WithJsonSchema({"type": "string", "pattern": f"^{TABLE_NAME.pattern}$"}),
]
Month = Annotated[
    str,
    AfterValidator(_month),
    WithJsonSchema({"type": "string", "pattern": f"^{MONTH.pattern}$"}),
]
FocusVersion = Annotated[str, AfterValidator(_version), WithJsonSchema({"enum": list(VERSIONS)})]


class _Model(BaseModel):
    model_config = ConfigDict(
        alias_generator=to_camel, populate_by_name=True, frozen=True, extra="ignore"
    )


class ColumnLabel(_Model):
    """A column of the report and the label it travels as."""

    name: str
    label: str


class BillingPeriod(_Model):
    """A billing period as the charges name it: start in, end out; null where a charge lacks it."""

    start: Instant | None
    end: Instant | None


class Scope(_Model):
    """What a delivery is the new state of, within its source."""

    declared: list[Month] | None = None
    """Months told by the sender; None: the billing periods that the charges name."""
    billing_periods: list[BillingPeriod] = []


class RowCounts(_Model):
    """read = published + quarantined."""

    read: Count
    published: Count
    quarantined: Count


class CostSum(_Model):
    """Exact sums of one cost column in one currency, as decimal text."""

    read: str
    published: str
    quarantined: str


class SecondCount(_Model):
    """The same figures by an independent reader."""

    reader: str
    records: Count
    billed_cost: str


class FindingLine(_Model):
    """Where a finding was met."""

    file: str
    line: Count


class FindingCount(_Model):
    """How often a rule was broken, and where first."""

    count: Count
    message: str
    lines: list[FindingLine] = []


class LegacyMapping(_Model):
    """What a delivery was asked to read under its present name: a column, or a value of one."""

    name: str
    """The column as the report names it."""
    column: str
    """The column that its cells stand in now."""
    value: str | None = None
    """What the report writes, and what that became; None where cells kept their text."""
    became: str | None = None
    cells: Count


class Exposition(_Model):
    """The identity-encoded body of `/metrics`."""

    samples: Count
    bytes: Count
    sha256: Sha256
    renderer: Count


ChangeKind = Literal["added", "removed"]


class Changes(_Model):
    """What became of another delivery of the source, as expositions of `/changes`."""

    since: Sha256
    """The id of that delivery."""
    added: Exposition
    removed: Exposition
    """Copies counted: of three charges alike, one may be removed."""

    def of(self, kind: ChangeKind) -> Exposition:
        """What was added, or removed."""
        return self.added if kind == "added" else self.removed


class ManifestTimes(_Model):
    """When the exporter read the source."""

    read: Instant


class Manifest(_Model):
    """What `GET /delivery` answers, in camelCase."""

    format: int = MANIFEST_FORMAT
    id: Sha256
    table: TableName
    source: Annotated[str, Field(min_length=1, max_length=2000)]
    mode: Mode = "replace"
    generation: Instant
    focus_version: FocusVersion
    columns: list[ColumnLabel]
    scope: Scope = Scope()
    rows: RowCounts
    sums: dict[str, dict[str, CostSum | None]]
    recount: SecondCount | None = None
    findings: dict[str, FindingCount] = {}
    mapped: list[LegacyMapping] = []
    currency: Currency | None = None
    """What was told of charges that name none."""
    dates: Literal["mdy", "dmy"] | None = None
    """What was told of dates such as 9/1/24."""
    exposition: Exposition
    changes: Changes | None = None
    """Beside the whole: for who has the delivery that these are changes of."""
    times: ManifestTimes

    def label_columns(self) -> dict[str, str]:
        """label -> column."""
        return {column.label: column.name for column in self.columns}

    def published_sums(self) -> dict[str, dict[str, Decimal]]:
        """Of the charges that it promises: currency -> cost column -> sum."""
        return {
            currency: {name: Decimal(line.published) for name, line in lines.items() if line}
            for currency, lines in self.sums.items()
        }

    def to_json(self) -> str:
        """The JSON text of the manifest."""
        return self.model_dump_json(by_alias=True)


def month_of(start: datetime, end: datetime | None) -> str:
    """The month that a billing period is: the one in which its middle lies, whatever its zone.

    >>> month_of(datetime(2024, 8, 31, 15), datetime(2024, 9, 30, 15))
    '2024-09'
    """
    middle = start if end is None or end <= start else start + (end - start) / 2
    return f"{middle:%Y-%m}"
