"""Costwire's verdicts beside those of the official validator, rule by rule, on the same files."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from costwire_focus import own_rules
from costwire_focus.columns import CAPABILITIES, columns_of
from costwire_focus.readers import open_report
from costwire_focus.rules import Validator
from costwire_focus.rules.ids import FORMAT, NOT_NULL
from tests.support.breaker import Break
from tests.support.broken_files import broken_files, read_csv
from tests.support.official_defects import Difference, Side

VERSION = "1.2"
"""The one version whose rules the official validator ships."""

_SAME_AS = {
    "ContractedUnitPrice-C-011-C": "ContractedCost-C-009-C",
    "ListUnitPrice-C-010-C": "ListCost-C-009-C",
}
_NEVER_FAILS = {"MAY", "MAY NOT", "OPTIONAL"}


@dataclass(frozen=True)
class Official:
    """The official validator's command, and what lies beside it."""

    command: Path

    @property
    def python(self) -> Path:
        """The interpreter of its environment."""
        return self.command.parent / "python"

    def packages(self) -> Path:
        """The folder that its package lies in."""
        code = "import focus_validator as f, pathlib; print(pathlib.Path(f.__file__).parents[1])"
        done = subprocess.run(
            [self.python, "-c", code], capture_output=True, text=True, check=True, timeout=120
        )
        return Path(done.stdout.strip())

    def rules(self) -> dict[str, Any]:
        """The rules of its model that it tests on data: no groups, none that always passes."""
        (model,) = (self.packages() / "focus_validator" / "rules").glob(f"model-{VERSION}*.json")
        return {
            rule_id: rule
            for rule_id, rule in json.loads(model.read_bytes())["ModelRules"].items()
            if rule["Type"] == "Static"
            and rule["Function"] != "Composite"
            and rule["ValidationCriteria"]["Keyword"] not in _NEVER_FAILS
        }

    def verdicts(
        self, criteria: Iterable[str], mended: Iterable[str], paths: Sequence[Path]
    ) -> Iterator[dict[str, str]]:
        """By rule, for each file; `mended` are the names of its defects to mend before."""
        driver = Path(__file__).with_name("official_driver.py")
        told = [",".join(criteria), ",".join(mended)]
        with subprocess.Popen(
            [self.python, driver, *told, *(path.resolve() for path in paths)],
            cwd=self.packages(),
            stdout=subprocess.PIPE,
            text=True,
        ) as process:
            assert process.stdout is not None
            for line in process.stdout:
                yield json.loads(line)["verdicts"]
        if process.returncode:
            raise SystemExit(f"{self.command}: its driver ended with {process.returncode}")


def shown_capabilities(names: Iterable[str]) -> list[str]:
    """What a header shows that its provider supports."""
    known = columns_of(VERSION)
    shown = {name for column in names if column in known for name in known[column].applicability}
    return sorted(shown & CAPABILITIES.keys())


def broken_rules(path: Path) -> set[tuple[str, str | None]]:
    """What Costwire finds in a file: rule ids with the column where rows are set aside for it."""
    with path.open("rb") as stream:
        report = open_report(stream, path.name)
        validator = Validator(report.names, VERSION)
        unusable = {
            (row.rule, row.column)
            for batch in report.batches()
            for row in validator.check(batch).unusable
        }
    return unusable | {(rule, None) for rule in validator.findings}


def is_broken(rule_id: str, rule: Mapping[str, Any], found: set[tuple[str, str | None]]) -> bool:
    """Whether Costwire's findings say what a rule of the official model says."""
    requirement = rule["ValidationCriteria"]["Requirement"]
    column = requirement.get("ColumnName", "")
    same = {(_SAME_AS.get(rule_id, rule_id), None)}
    unreadable = {(own_rules.AMOUNT_UNREADABLE, column), (own_rules.INSTANT_UNREADABLE, column)}
    match requirement.get("CheckFunction"):
        case "TypeDecimal":
            same |= unreadable
        case "FormatNumeric":
            same |= unreadable | {(f"{column}-{FORMAT.get(column)}", None)}
        case "TypeDateTime" | "FormatDateTime":
            same |= unreadable | {(f"{column}-{FORMAT.get(column)}", None)}
        case "CheckDecimalValue" | "CheckNotValue" if rule_id.endswith("-C-004-M"):
            same |= {(f"{column}-{NOT_NULL.get(column)}", None)}
        case _:
            pass
    return bool(same & found)


@dataclass(frozen=True)
class Case:
    """Files with the same columns, and what Costwire finds in each."""

    names: Sequence[str]
    found: Mapping[Path, set[tuple[str, str | None]]]

    def only(self, paths: Iterable[Path]) -> Case:
        """The same with these files alone."""
        return Case(self.names, {path: self.found[path] for path in paths})


@dataclass
class Tally:
    """How often two verdicts on one rule were the same, and on which files they were not."""

    same: int = 0
    only: dict[Side, list[Path]] = field(default_factory=dict)


def broken_case(report: Path, folder: Path, groups: Sequence[Sequence[Break]]) -> Case:
    """A report as it is, and broken in each group of ways."""
    names, rows = read_csv(report)
    files = broken_files(names, rows, folder, groups)
    return Case(names, {path: broken_rules(path) for path in files})


Tallies = dict[str, Tally]
"""By rule; one that the official tool skips, or cannot run for lack of a column, is in none."""


def compare(official: Official, case: Case, mended: Iterable[str], tallies: Tallies) -> None:
    """Add the verdicts on these files to the tallies; `mended` as in `Official.verdicts`."""
    if not case.found:
        return
    rules = official.rules()
    judged = official.verdicts(shown_capabilities(case.names), mended, list(case.found))
    for (path, found), verdicts in zip(case.found.items(), judged, strict=True):
        for rule_id, rule in rules.items():
            verdict = verdicts.get(rule_id, "skipped")
            if verdict in ("skipped", "errored"):
                continue
            tally = tallies.setdefault(rule_id, Tally())
            ours = is_broken(rule_id, rule, found)
            if ours == (verdict == "failed"):
                tally.same += 1
            else:
                tally.only.setdefault(Side.COSTWIRE if ours else Side.OFFICIAL, []).append(path)


def differences(tallies: Tallies) -> dict[Difference, list[Path]]:
    """Which rules differed which way, and on which files."""
    return {
        (rule, side): paths
        for rule, tally in sorted(tallies.items())
        for side, paths in tally.only.items()
    }
