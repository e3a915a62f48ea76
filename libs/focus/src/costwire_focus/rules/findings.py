"""What was found in a report: a rule, how many charges break it, and where the first ones stand."""

from dataclasses import dataclass, field
from typing import Final

from costwire_focus.rules.rule import Grade, Rule

LINES_KEPT: Final = 10


@dataclass
class Finding:
    """One rule that charges break: how many do, and where the first ones stand."""

    rule: str
    grade: Grade
    message: str
    column: str | None
    count: int = 0
    lines: list[tuple[str, int]] = field(default_factory=list)
    """File and line of the first charges, in the order in which they were read."""

    @classmethod
    def of(cls, rule: Rule, count: int, lines: list[tuple[str, int]]) -> "Finding":
        """Charges that break a rule, in the words of the rule."""
        return cls(rule.id, rule.grade, rule.sentence, rule.column, count, lines)
