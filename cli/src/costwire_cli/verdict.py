"""What was found in a report, for people and as JSON."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final

import pyarrow as pa

from costwire_focus.amounts import CostSums
from costwire_focus.batch import Unusable
from costwire_focus.canonical import canonical_text
from costwire_focus.rules import LINES_KEPT, Finding, Grade, Rule
from costwire_focus.rules.touched import Money

LINES_SHOWN: Final = 5
_BILLED: Final = "BilledCost"
_MONEY: Final = (_BILLED, "BillingCurrency")
GRADES: Final = tuple(grade.value for grade in (Grade.UNUSABLE, Grade.VIOLATION, Grade.ADVICE))
"""The gravest first."""


class SetAside:
    """The unusable rows that break one rule: how many, the first, and what is known of their cost.

    Nothing is known of a row that could not be cut into cells, nor of an amount that is unreadable.
    """

    def __init__(self, currency: str | None = None) -> None:
        """`currency`: what stands for an absent BillingCurrency."""
        self.count = 0
        self.first: list[Unusable] = []
        self._known = CostSums(currency)

    def add(self, rows: Sequence[Unusable], charges: pa.Table) -> None:
        """Count rows of a batch, whose charges are given as they were read."""
        self.count += len(rows)
        self.first += rows[: LINES_KEPT - len(self.first)]
        cut = [row.row for row in rows if row.row is not None]
        money = [name for name in _MONEY if name in charges.column_names]
        self._known.add(charges.select(money).take(pa.array(cut, pa.int64())))

    @property
    def known(self) -> Money:
        """The sum of BilledCost by currency, as far as it can be read."""
        told = ((name, self._known.get(name, _BILLED)) for name in self._known.currencies())
        return {currency: cost for currency, cost in told if cost}


@dataclass
class Verdict:
    """What was found in a report; `min_grade` and graver is told and counts."""

    source: str
    min_grade: str = Grade.ADVICE.value
    version: str = ""
    rows: int = 0
    usable: int = 0
    unusable: dict[str, SetAside] = field(default_factory=dict)
    """By rule."""
    uris: dict[str, str] = field(default_factory=dict)
    """Where the parts are, by their names."""
    findings: list[Finding] = field(default_factory=list)
    costs: Mapping[str, Money] = field(default_factory=dict)
    """By rule: the BilledCost of the charges that break it."""
    whole: Money = field(default_factory=dict)
    touched: Money = field(default_factory=dict)
    rules: tuple[Rule, ...] = ()
    """All that were looked at."""

    @property
    def unusable_count(self) -> int:
        """How many rows are unusable."""
        return sum(rows.count for rows in self.unusable.values())

    @property
    def is_clean(self) -> bool:
        """No row unusable, no rule broken that is told."""
        return not (self.unusable or self.told)

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
            "unusable": {rule: _unusable(rows) for rule, rows in sorted(self.unusable.items())},
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
        if self.unusable:
            yield f"  {self.unusable_count:,} rows are unusable and would be quarantined:"
            yield from self._unusable_lines()
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

    def _unusable_lines(self) -> Iterator[str]:
        sentences = {rule.id: rule.sentence for rule in self.rules}
        for rule, rows in sorted(self.unusable.items(), key=lambda each: (-each[1].count, each[0])):
            yield f"    {rows.count:>9,}  {rule}: {sentences.get(rule, '')}"
            for row in rows.first[:LINES_SHOWN]:
                yield f"               {row.file}:{row.line}  {row.reason}"
            if rows.count > LINES_SHOWN:
                yield f"               ... {rows.count - LINES_SHOWN:,} more"
            for currency, cost in rows.known.items():
                told = f"BilledCost {canonical_text(cost)} {currency}, as far as it can be read"
                yield f"               {told}"

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


def _unusable(rows: SetAside) -> dict[str, Any]:
    return {
        "count": rows.count,
        "billedCost": {currency: canonical_text(cost) for currency, cost in rows.known.items()},
        "lines": [
            {"file": row.file, "line": row.line, "column": row.column, "reason": row.reason}
            for row in rows.first
        ],
    }


def _places(lines: list[tuple[str, int]], count: int) -> str:
    """The first lines, a file's name once for those that follow each other."""
    shown: list[str] = []
    for index, (file, line) in enumerate(lines[:LINES_SHOWN]):
        follows = index > 0 and lines[index - 1][0] == file
        shown.append(str(line) if follows else f"{file}:{line}")
    return ", ".join(shown) + (", ..." if count > len(shown) else "")
