"""Units of measure: whether a text is written as FOCUS recommends."""

from typing import Final

import polars as pl

from costwire_focus.rules.buffers import never
from costwire_focus.rules.rule import FLAG

UNIT_FORM: Final = "unit"
_MOST_KNOWN: Final = 10_000

_PREFIXES: Final = "[KMGTPE]"
_SIZE: Final = rf"(?:b|{_PREFIXES}b|{_PREFIXES}ib|B|{_PREFIXES}B|{_PREFIXES}iB)"
_TIME: Final = "(?:Year|Month|Day|Hour|Minute|Second)"
_TIMES: Final = f"{_TIME}s"
_WORD: Final = "[A-Za-z][A-Za-z0-9]*"
_COUNT: Final = rf"{_WORD}(?: {_WORD})*"
_THING: Final = f"(?:{_SIZE}|{_COUNT})"
_NUMBER: Final = "[1-9][0-9]*"

_FORM: Final = (
    f"^(?:{_NUMBER} )?(?:{_TIME}|{_TIMES}|{_THING})$"
    f"|^{_THING}-{_TIMES}$"
    f"|^(?:{_THING}|{_TIMES})/(?:{_TIME}|{_NUMBER} {_TIMES})$"
)

_LISTED: Final = "|".join(
    (
        r"bits?|bytes?|(?:kilo|mega|giga|tera|peta|exa|kibi|mebi|gibi|tebi|pebi|exbi)(?:bit|byte)s?",
        "years?|months?|days?|hours?|minutes?|seconds?|hrs?|mins?|secs?|mos?",
        "[kmgtpe]i?b",
        "per",
    )
)
_SLIPPED: Final = rf"(?i)(?:^|[^A-Za-z0-9])(?:{_LISTED})(?:[^A-Za-z0-9]|$)"
"""A word that the format replaces by another, or by a sign: sizes are abbreviated, `per` is `/`."""

_RIGHT_TERMS: Final = rf"(?:^|[0-9] |[/-])(?:{_SIZE}|{_TIME}s?)(?:$|[/-])"


def unit_verdicts(column: str, texts: pl.Series, known: dict[str, bool]) -> dict[str, pl.Series]:
    """Which units of a column are not written as recommended, by its name in the frame.

    `GB`, `Hours`, `GB-Hours`, `GB/Hour`, `1000 Tokens`, `Units/3 Months` are; sizes and times as
    listed, case included; anything else that is counted is a noun, of several words at will.
    `known` holds the verdicts on units met before, and grows up to a bound.
    Source: FOCUS, attribute UnitFormat.
    """
    units = [unit for unit in texts.unique().to_list() if unit is not None]
    if new := [unit for unit in units if unit not in known]:
        if len(known) > _MOST_KNOWN:
            known.clear()
            new = units
        known.update(zip(new, is_wrong_unit(pl.Series(new)), strict=True))
    wrong = [unit for unit in units if known[unit]]
    verdict = texts.is_in(wrong).fill_null(False) if wrong else never(len(texts))
    return {column + FLAG + UNIT_FORM: verdict}


def is_wrong_unit(units: pl.Series) -> pl.Series:
    """The verdict on each of some units."""
    plain = units.str.replace_all(_RIGHT_TERMS, "-")  # what is listed is right where it stands
    plain = plain.str.replace_all(_RIGHT_TERMS, "-")
    return ~units.str.contains(_FORM) | plain.str.contains(_SLIPPED)
