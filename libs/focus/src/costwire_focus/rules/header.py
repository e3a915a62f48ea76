"""What the header alone tells: columns missing, misnamed, or of another version."""

import re
from collections.abc import Collection, Iterator, Sequence
from typing import Final

from costwire_focus.columns import CAPABILITIES, Column, columns_of
from costwire_focus.foreign import nearest
from costwire_focus.rules.ids import OWN_PREFIX, presence_id
from costwire_focus.rules.rule import Grade, Rule
from costwire_focus.versions import CUSTOM_PREFIX, Name, NameKind, classify

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

_CUSTOM_NAME: Final = "ColumnHandling-A-011-O"
_LONG_NAME: Final = "ColumnHandling-A-005-O"
_ORDER: Final = "ColumnHandling-A-013-O"
_ADVICE: Final = {
    _LONG_NAME: "a column's name should have 50 characters at most",
    _CUSTOM_NAME: "after its x_ a custom column's name should be in PascalCase, letters and digits",
    _ORDER: "custom columns should stand after all FOCUS columns",
}
_MOST_CHARACTERS: Final = 50
_CUSTOM_FORM: Final = re.compile(f"{CUSTOM_PREFIX}[A-Z][A-Za-z0-9]*")


def header_rules(version: str) -> Iterator[Rule]:
    """The rules that the header of a report keeps or breaks."""
    for column in columns_of(version).values():
        yield Rule(presence_id(column.id, version), *_presence(column))
    for rule_id, grade, sentence in _NAMES.values():
        yield Rule(rule_id, grade, None, sentence)
    for rule_id, sentence in _ADVICE.items():
        yield Rule(rule_id, Grade.ADVICE, None, sentence)


def _presence(column: Column) -> tuple[Grade, str, str]:
    """Grade, column and sentence of the rule that a report has the column."""
    if column.level == "Mandatory":
        return Grade.VIOLATION, column.id, f"the column {column.id} must be present"
    capabilities = "; ".join(CAPABILITIES[name] for name in column.applicability)
    where = f" where {capabilities}" if capabilities else ""
    return Grade.ADVICE, column.id, f"the column {column.id} should be present{where}"


def absent_columns(names: Collection[str], version: str) -> Iterator[Column]:
    """The columns of a version that a report should have and has not.

    A report cannot say what its provider supports. That a capability is there is concluded from
    any column present that only it calls for; a column whose capabilities all are is expected.
    """
    columns = columns_of(version)
    shown = {
        capability
        for name in names
        if name in columns and columns[name].level == "Conditional"
        for capability in columns[name].applicability
    }
    for column in columns.values():
        if column.id not in names and shown.issuperset(column.applicability):
            yield column


def broken_by_header(
    names: Sequence[str], version: str, *, currency_known: bool
) -> Iterator[tuple[str, str, str]]:
    """For each rule that a header breaks its id, the column, and what there is to say.

    `currency_known`: the caller has said which currency stands for an absent BillingCurrency.
    """
    present = set(names)
    for column in absent_columns(present, version):
        if column.id != "BillingCurrency" or not currency_known:
            yield presence_id(column.id, version), column.id, f"there is no column {column.id}"
    for name in names:
        found = classify(name, version)
        if found.kind in _NAMES:
            yield _NAMES[found.kind][0], name, _remark(found)
    yield from _form(names, version)


def _form(names: Sequence[str], version: str) -> Iterator[tuple[str, str, str]]:
    known = columns_of(version)
    custom = [name for name in names if name.startswith(CUSTOM_PREFIX)]
    for name in names:
        if len(name) > _MOST_CHARACTERS:
            yield _LONG_NAME, name, f"{name!r} has {len(name)} characters"
    for name in custom:
        if not _CUSTOM_FORM.fullmatch(name):
            yield _CUSTOM_NAME, name, f"{name!r} is not in PascalCase after x_"
    if custom and (late := [name for name in names[names.index(custom[0]) :] if name in known]):
        yield _ORDER, custom[0], f"{late[0]!r} stands after {custom[0]!r}"


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
