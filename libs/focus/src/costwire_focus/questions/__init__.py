"""The questions that practitioners ask of the FOCUS cost dataset, each a file of SQL beside this.

Pure: a question becomes a statement and its arguments here; somebody else asks a store.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Final

from costwire_focus.errors import WrongQuestion
from costwire_focus.questions.parameters import Kind, Parameter
from costwire_focus.questions.question import Question, Ratio, Statement, near, read

__all__ = [
    "QUESTIONS",
    "Kind",
    "Parameter",
    "Question",
    "Ratio",
    "Statement",
    "fill",
    "find",
    "near",
]

QUESTIONS: Final[Mapping[str, Question]] = MappingProxyType(
    {
        path.stem: read(path.stem, path.read_text(encoding="utf-8"))
        for path in sorted(Path(__file__).parent.glob("*.sql"))
    }
)
"""The catalogue, by name."""


def find(name: str) -> Question:
    """One question; raises `WrongQuestion` with the names that are like it."""
    if name not in QUESTIONS:
        raise WrongQuestion(f"there is no question {near(name, QUESTIONS)}")
    return QUESTIONS[name]


def fill(
    question: Question,
    given: Mapping[str, str],
    tell: Callable[[Statement], object],
    *,
    table: str = "charges",
    present: Collection[str] = (),
) -> dict[str, str]:
    """The value of every parameter: as given, else the default.

    Tell:   asks the store a statement of one cell; None where it has no row or the cell is null.
    Raises: `WrongQuestion` for a parameter that there is not, or a value that cannot be read.
    """
    for name in given:
        question.parameter(name)
    values: dict[str, str] = {}
    for one in question.parameters:
        if one.name in given:
            values[one.name] = one.check(given[one.name])
            continue
        query = one.default_query()
        told = query and tell(question.filled(query, values, table=table, present=present))
        values[one.name] = one.check(one.default_value(told, values))
    if values.get("from", "") > values.get("to", "9999-12"):
        raise WrongQuestion(
            f"ask {question.name}: from {values['from']} is later than to {values['to']}"
        )
    return values
