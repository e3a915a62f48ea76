"""The one list of rules: what is checked, what it is called and what becomes of the charge."""

from functools import cache
from typing import Final

from costwire_focus import own_rules
from costwire_focus.columns import VERSIONS
from costwire_focus.rules.arithmetic import arithmetic_rules
from costwire_focus.rules.commitments import commitment_rules
from costwire_focus.rules.header import header_rules
from costwire_focus.rules.nullability import nullability_rules
from costwire_focus.rules.relations import relations_of
from costwire_focus.rules.rule import Grade, Rule
from costwire_focus.rules.values import value_rules

UNUSABLE: Final = (
    Rule(
        own_rules.AMOUNT_UNREADABLE,
        Grade.UNUSABLE,
        None,
        "a cell of an amount column must be a number",
    ),
    Rule(
        own_rules.INSTANT_UNREADABLE,
        Grade.UNUSABLE,
        None,
        "a cell of a date/time column must be a date and time whose parts are in a known order",
    ),
    Rule(own_rules.NUL_CHARACTER, Grade.UNUSABLE, None, "no cell may hold the character U+0000"),
    Rule(
        own_rules.OUTSIDE_PERIOD,
        Grade.UNUSABLE,
        None,
        "a charge must lie in the months that its delivery is declared to be the state of",
    ),
    Rule(
        own_rules.STORE_REFUSED, Grade.UNUSABLE, None, "the database must take what was delivered"
    ),
    Rule(
        own_rules.FIELD_COUNT, Grade.UNUSABLE, None, "a row must have as many cells as the header"
    ),
    Rule(own_rules.UNDECODABLE, Grade.UNUSABLE, None, "the bytes of a row must be text"),
    Rule(
        own_rules.NOT_A_RECORD, Grade.UNUSABLE, None, "a record of a JSON report must be an object"
    ),
    Rule(
        own_rules.BROKEN_QUOTES,
        Grade.UNUSABLE,
        None,
        "the quotes of a row must open and close cells",
    ),
)
"""Rules of our own about rows that cannot be stored; the readers apply the last four."""

REMARKS: Final = (
    Rule(own_rules.COLUMN_REPEATED, Grade.VIOLATION, None, "the header must name each column once"),
    Rule(own_rules.COLUMN_UNNAMED, Grade.VIOLATION, None, "the header must name every column"),
    Rule(
        own_rules.COLUMN_BLANKS,
        Grade.ADVICE,
        None,
        "the header should have no blanks around a column's name; they are taken off",
    ),
    Rule(
        own_rules.CELL_SEPARATOR,
        Grade.ADVICE,
        None,
        "the cells of a CSV should be separated by commas; others are read all the same",
    ),
    Rule(
        own_rules.TEXT_ENCODING,
        Grade.ADVICE,
        None,
        "text should be UTF-8; other encodings are read where they show or were told",
    ),
    Rule(
        own_rules.LAST_LINE_OPEN,
        Grade.ADVICE,
        None,
        "the last line of a CSV should have a line end; without one it may be cut off",
    ),
    Rule(
        own_rules.INSTANT_WITHOUT_ZONE,
        Grade.ADVICE,
        None,
        "timestamps of parquet should be UTC; those without a zone are taken for it",
    ),
    Rule(
        own_rules.BINARY_FLOAT,
        Grade.ADVICE,
        None,
        "costs should be decimals; binary floats are read as their shortest decimal text",
    ),
    Rule(
        own_rules.TIME_AHEAD,
        Grade.ADVICE,
        None,
        "the time of a report should not be yet to come; it counts as of the time of reading",
    ),
)
"""Rules of our own about a part or report as a whole, applied by whoever reads it."""


@cache
def rules_of(version: str) -> tuple[Rule, ...]:
    """Every rule for reports of one version, each id once."""
    return (
        *UNUSABLE,
        *REMARKS,
        *header_rules(version),
        *value_rules(version),
        *nullability_rules(version),
        *arithmetic_rules(version),
        *commitment_rules(version),
        *(relation.rule for relation in relations_of(version)),
    )


@cache
def all_rules() -> tuple[tuple[Rule, tuple[str, ...]], ...]:
    """Every rule with the versions of FOCUS that it is checked for, sorted by id.

    A rule whose grade or wording changed from one version to the next is listed for each.
    """
    found: dict[tuple[str, str, str], tuple[Rule, tuple[str, ...]]] = {}
    for version in VERSIONS:
        for rule in rules_of(version):
            key = (rule.id, rule.grade.value, rule.sentence)
            _, versions = found.get(key, (rule, ()))
            found[key] = (rule, (*versions, version))
    return tuple(found[key] for key in sorted(found))
