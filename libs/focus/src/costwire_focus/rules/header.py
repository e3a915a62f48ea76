"""What the header alone tells: columns missing, misnamed, or of another version."""

from collections.abc import Iterator, Sequence
from typing import Final

from costwire_focus.columns import columns_of
from costwire_focus.foreign import nearest
from costwire_focus.rules.ids import OWN_PREFIX, presence_id
from costwire_focus.rules.rule import Grade, Rule
from costwire_focus.versions import Name, NameKind, classify

_NAMES: Final = {
    NameKind.UNKNOWN: (
        "ColumnHandling-A-010-M",
        Grade.VIOLATION,
        "a column that FOCUS does not define must begin with x_",
    ),
    NameKind.OTHER_CASE: (
        f"{OWN_PREFIX}ColumnCase",
        Grade.VIOLATION,
        "a column is named like a FOCUS column but for its case, and is kept as another column",
    ),
    NameKind.DRAFT: (
        f"{OWN_PREFIX}ColumnDraftName",
        Grade.VIOLATION,
        "a column has its name from a draft before FOCUS 1.0, and is kept as another column",
    ),
    NameKind.OTHER_VERSION: (
        f"{OWN_PREFIX}ColumnOtherVersion",
        Grade.ADVICE,
        "a column belongs to another version of FOCUS than the report",
    ),
}


def header_rules(version: str) -> Iterator[Rule]:
    """The rules that the header of a report keeps or breaks."""
    for column in columns_of(version).values():
        if column.level == "Mandatory":
            yield Rule(
                presence_id(column.id, version),
                Grade.VIOLATION,
                column.id,
                f"the column {column.id} must be present",
            )
    for rule_id, grade, sentence in _NAMES.values():
        yield Rule(rule_id, grade, None, sentence)


def broken_by_header(
    names: Sequence[str], version: str, *, currency_known: bool
) -> Iterator[tuple[str, str, str]]:
    """For each rule that a header breaks its id, the column, and what there is to say.

    `currency_known`: the caller has said which currency stands for an absent BillingCurrency.
    """
    present = set(names)
    for column in columns_of(version).values():
        settled = column.id == "BillingCurrency" and currency_known
        if column.level == "Mandatory" and column.id not in present and not settled:
            yield presence_id(column.id, version), column.id, f"there is no column {column.id}"
    for name in names:
        found = classify(name, version)
        if found.kind in _NAMES:
            yield _NAMES[found.kind][0], name, _remark(found)


def _remark(found: Name) -> str:
    match found.kind:
        case NameKind.OTHER_CASE:
            return f"{found.name!r} is not {found.hint}: FOCUS names are matched exactly"
        case NameKind.DRAFT:
            return f"{found.name!r} is a draft's name for {found.hint}"
        case NameKind.OTHER_VERSION:
            return f"{found.name!r} is a column of FOCUS {found.hint}"
        case _:
            near = nearest(found.name)
            meant = f" (or is {near} meant?)" if near else ""
            return f"{found.name!r} is no FOCUS column and does not begin with x_{meant}"
