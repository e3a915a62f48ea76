"""Counts what was found, rule by rule, and remembers the first lines."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
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


class Findings:
    """The findings of a report, growing with its batches."""

    def __init__(self) -> None:
        self._by_rule: dict[str, Finding] = {}

    def wants_lines(self, rule: Rule) -> int:
        """How many more lines would be kept for the rule."""
        known = self._by_rule.get(rule.id)
        return LINES_KEPT - len(known.lines) if known else LINES_KEPT

    def add(self, rule: Rule, count: int, lines: Iterable[tuple[str, int]]) -> Finding:
        """Count charges that break a rule."""
        finding = self._by_rule.setdefault(
            rule.id, Finding(rule.id, rule.grade, rule.sentence, rule.column)
        )
        finding.count += count
        for line in lines:
            if len(finding.lines) == LINES_KEPT:
                break
            finding.lines.append(line)
        return finding

    def by_rule(self) -> Mapping[str, Finding]:
        """What was found so far, by rule id, sorted."""
        return MappingProxyType(dict(sorted(self._by_rule.items())))
