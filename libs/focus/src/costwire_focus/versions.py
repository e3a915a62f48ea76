"""Which version of FOCUS a report follows, and what its other column names are."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Final

from costwire_focus.columns import COLUMNS, DRAFT_NAMES, VERSIONS, columns_of

CUSTOM_PREFIX: Final = "x_"

_FOLDED: Final = {name.lower(): name for name in COLUMNS}


class NameKind(Enum):
    """What a column name is, seen from one version of FOCUS."""

    FOCUS = "a column of this version"
    CUSTOM = "a column of the provider's own, rightly named"
    OTHER_VERSION = "a column of another version"
    DRAFT = "a name from a draft before 1.0"
    OTHER_CASE = "a FOCUS name but for its case"
    UNKNOWN = "none of these"


@dataclass(frozen=True)
class Name:
    """A column name and what it was found to be; `hint` is the FOCUS name or version meant."""

    name: str
    kind: NameKind
    hint: str | None = None


def detect(names: Sequence[str]) -> str:
    """The version whose columns explain the header best.

    The version that knows most of the names wins, then the one with the fewest mandatory columns
    missing (so a report without the names that 1.4 removed is not taken for 1.3), then the oldest.
    A header alone does not tell versions apart when a report was trimmed: let callers overrule it.
    Source: FOCUS, the column lists of its versions.
    """
    present = set(names)

    def evidence(version: str) -> tuple[int, int]:
        columns = columns_of(version)
        missing = sum(
            column.level == "Mandatory" and column.id not in present for column in columns.values()
        )
        return len(present & columns.keys()), -missing

    return max(VERSIONS, key=evidence)  # of equals, max takes the first: the oldest


def classify(name: str, version: str) -> Name:
    """Say what one column name is, seen from `version`. Matching is exact, case included."""
    if name in columns_of(version):
        return Name(name, NameKind.FOCUS)
    if column := COLUMNS.get(name):
        span = column.introduced if column.last >= version else column.last
        return Name(name, NameKind.OTHER_VERSION, span)
    if name in DRAFT_NAMES:
        return Name(name, NameKind.DRAFT, DRAFT_NAMES[name])
    if twin := _FOLDED.get(name.lower()):
        return Name(name, NameKind.OTHER_CASE, twin)
    if name.startswith(CUSTOM_PREFIX):
        return Name(name, NameKind.CUSTOM)
    return Name(name, NameKind.UNKNOWN)
