"""What was found in a report, for people and as JSON."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final

from costwire_focus.batch import Unusable
from costwire_focus.canonical import canonical_text
from costwire_focus.rules import Finding, Grade, Rule
from costwire_focus.rules.touched import Money

LINES_SHOWN: Final = 5
ROWS_SHOWN: Final = 20
GRADES: Final = tuple(grade.value for grade in (Grade.UNUSABLE, Grade.VIOLATION, Grade.ADVICE))
"""The gravest first."""


@dataclass
class Verdict:
    """What was found in a report; `min_grade` and graver is told and counts."""

    source: str
    min_grade: str = Grade.ADVICE.value
    version: str = ""
    rows: int = 0
    usable: int = 0
    unusable_count: int = 0
    unusable: list[Unusable] = field(default_factory=list)
    """The first ones."""
    findings: list[Finding] = field(default_factory=list)
    costs: Mapping[str, Money] = field(default_factory=dict)
    """By rule: the BilledCost of the charges that break it."""
    whole: Money = field(default_factory=dict)
    touched: Money = field(default_factory=dict)
    rules: tuple[Rule, ...] = ()
    """All that were looked at."""

    @property
    def is_clean(self) -> bool:
        """No row unusable, no rule broken that is told."""
        return not (self.unusable_count or self.told)

    @property
    def told(self) -> list[Finding]:
        """The findings grave enough, the gravest first, then those of most charges."""
        grades = GRADES[: GRADES.index(self.min_grade) + 1]
        told = (finding for finding in self.findings if finding.grade.value in grades)
        return sorted(told, key=lambda one: (grades.index(one.grade.value), -one.count, one.rule))

    def to_json(self) -> dict[str, Any]:
        """The stable form of `--format json`."""
        return {
            "source": self.source,
            "focusVersion": self.version,
            "rows": {"read": self.rows, "usable": self.usable, "unusable": self.unusable_count},
            "billedCost": {
                currency: {"usable": canonical_text(whole), "withFindings": canonical_text(part)}
                for currency, whole in self.whole.items()
                for part in [self.touched.get(currency, Decimal(0))]
            },
            "findings": {finding.rule: self._finding(finding) for finding in self.told},
            "unusable": [_unusable(row) for row in self.unusable],
        }

    def _finding(self, finding: Finding) -> dict[str, Any]:
        return {
            "count": finding.count,
            "grade": finding.grade.value,
            "column": finding.column,
            "message": finding.message,
            "billedCost": {
                currency: canonical_text(cost)
                for currency, cost in self.costs.get(finding.rule, {}).items()
            },
            "lines": [{"file": file, "line": line} for file, line in finding.lines],
        }

    def lines(self) -> Iterator[str]:
        """The report for people."""
        yield f"{self.source}: FOCUS {self.version}, {self.rows:,} rows"
        if self.is_clean:
            yield f"  clean: {self._clean_words()}"
        if self.unusable_count:
            yield f"  {self.unusable_count:,} rows are unusable and would be quarantined:"
            for row in self.unusable:
                yield f"    {row.file}:{row.line}  {row.rule}: {row.reason}"
            if self.unusable_count > len(self.unusable):
                yield f"    ... {self.unusable_count - len(self.unusable):,} more"
        grade = None
        for finding in self.told:
            if finding.grade is not grade:
                grade = finding.grade
                yield f"  {_HEADS[grade]}"
            yield f"    {finding.count:>9,}  {finding.rule}: {finding.message}"
            if finding.lines:
                yield f"               at {_places(finding.lines, finding.count)}"
            for share in self._shares(self.costs.get(finding.rule, {})):
                yield f"               BilledCost {share}"
        if self.touched and self.told:
            yield "  charges with any finding:"
            for share in self._shares(self.touched):
                yield f"               BilledCost {share}"

    def _clean_words(self) -> str:
        if not self.findings:
            return f"none of {len(self.rules)} rules is broken"
        return (
            f"no finding is of grade {self.min_grade} or graver; "
            f"{len(self.findings)} rules are broken below that"
        )

    def _shares(self, part: Money) -> Iterator[str]:
        """`18.5 of 20.52 USD, 90.2 %`; no share of nothing."""
        for currency, cost in part.items():
            whole = self.whole[currency]
            share = f", {cost / whole * 100:.1f} %" if whole else ""
            yield f"{canonical_text(cost)} of {canonical_text(whole)} {currency}{share}"


_HEADS: Final = {
    Grade.UNUSABLE: "unusable:",
    Grade.VIOLATION: "violations (these charges are stored):",
    Grade.ADVICE: "advice (these charges are stored):",
}


def _unusable(row: Unusable) -> dict[str, Any]:
    return {
        "file": row.file,
        "line": row.line,
        "column": row.column,
        "rule": row.rule,
        "reason": row.reason,
    }


def _places(lines: list[tuple[str, int]], count: int) -> str:
    """The first lines, a file's name once for those that follow each other."""
    shown: list[str] = []
    for index, (file, line) in enumerate(lines[:LINES_SHOWN]):
        follows = index > 0 and lines[index - 1][0] == file
        shown.append(str(line) if follows else f"{file}:{line}")
    return ", ".join(shown) + (", ..." if count > len(shown) else "")
