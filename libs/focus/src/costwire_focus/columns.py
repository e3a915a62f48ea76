"""The columns of FOCUS 1.0 to 1.4 as data: the one list from which all others are derived."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final


class ValueType(Enum):
    """How the text of a cell is read."""

    AMOUNT = "amount"  # an exact decimal
    INSTANT = "instant"  # a point in time, UTC
    TAGS = "tags"  # a JSON object whose keys are free
    JSON = "json"  # a JSON object whose keys FOCUS names
    TEXT = "text"


@dataclass(frozen=True)
class Column:
    """What one version of FOCUS says about one column."""

    id: str
    display_name: str
    value_type: ValueType
    kind: str  # Dimension or Metric
    level: str  # Mandatory, Conditional or Recommended
    nullable: bool
    format: str | None
    number_range: str | None  # any, non-negative; amounts only
    allowed_values: tuple[str, ...] | None  # exact, case included; None = open
    parents: Mapping[str, str]  # allowed value -> the value its parent column must hold
    properties: Mapping[str, str]  # keys that FOCUS defines inside the cell -> their type
    applicability: tuple[str, ...]  # capabilities that must all hold for the level to bind
    deprecated: bool
    renamed_from: str | None
    introduced: str  # the first and the last version that has the column
    last: str


_DATA: Final[dict[str, Any]] = json.loads(Path(__file__).with_name("columns.json").read_bytes())

SOURCE: Final[str] = _DATA["source"]
RELEASED: Final[Mapping[str, str]] = MappingProxyType(_DATA["versions"])
VERSIONS: Final[tuple[str, ...]] = tuple(RELEASED)
CAPABILITIES: Final[Mapping[str, str]] = MappingProxyType(_DATA["capabilities"])
DRAFT_NAMES: Final[Mapping[str, str]] = MappingProxyType(_DATA["drafts"])
"""Names of the drafts before 1.0, still met in exports, and what became of them."""


def _column(entry: Mapping[str, Any], facts: Mapping[str, Any], last: str) -> Column:
    allowed = facts.get("allowed")
    return Column(
        id=entry["id"],
        display_name=facts["displayName"],
        value_type=ValueType(entry["type"]),
        kind=facts["kind"],
        level=facts["level"],
        nullable=facts.get("nullable", True),
        format=facts.get("format"),
        number_range=facts.get("range"),
        allowed_values=tuple(allowed) if allowed else None,
        parents=MappingProxyType(allowed if isinstance(allowed, dict) else {}),
        properties=MappingProxyType(facts.get("properties", {})),
        applicability=tuple(facts.get("applicability", ())),
        deprecated="deprecated" in facts,
        renamed_from=entry.get("renamedFrom"),
        introduced=next(iter(entry["facts"])),
        last=last,
    )


def _tabulate() -> dict[str, dict[str, Column]]:
    """Each version's columns; the data hold a fact once, where it first applies or changes."""
    table: dict[str, dict[str, Column]] = {version: {} for version in VERSIONS}
    for entry in _DATA["columns"]:
        first = VERSIONS.index(next(iter(entry["facts"])))
        end = VERSIONS.index(entry["removed"]) if "removed" in entry else len(VERSIONS)
        facts: dict[str, Any] = {}
        for version in VERSIONS[first:end]:
            facts |= entry["facts"].get(version, {})
            table[version][entry["id"]] = _column(entry, facts, VERSIONS[end - 1])
    return table


_BY_VERSION: Final = _tabulate()

_UNITED: Final = {name: _BY_VERSION[v][name] for v in VERSIONS for name in _BY_VERSION[v]}

COLUMNS: Final[Mapping[str, Column]] = MappingProxyType(
    {name: _UNITED[name] for name in sorted(_UNITED)}
)
"""All columns of all versions, by name, each as its newest version describes it."""


def columns_of(version: str) -> Mapping[str, Column]:
    """The columns of one version, by name; KeyError for a version that is not in `VERSIONS`."""
    return MappingProxyType(_BY_VERSION[version])


def value_type(name: str) -> ValueType:
    """How cells of the column are read; any column that FOCUS does not know holds text."""
    column = COLUMNS.get(name)
    return column.value_type if column else ValueType.TEXT
