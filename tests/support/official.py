"""Costwire's verdicts beside those of the official validator, rule by rule, on the same files."""

from __future__ import annotations

import csv
import json
import subprocess
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

from costwire_focus import own_rules
from costwire_focus.columns import CAPABILITIES, columns_of
from costwire_focus.readers import open_report
from costwire_focus.rules import Validator, rules_of
from costwire_focus.rules.ids import FORMAT, NOT_NULL
from tests.support.breaker import Break, Row

VERSION = "1.2"
"""The one version whose rules the official validator ships."""

_SAME_AS = {
    "ContractedUnitPrice-C-011-C": "ContractedCost-C-009-C",
    "ListUnitPrice-C-010-C": "ListCost-C-009-C",
}
_NEVER_FAILS = {"MAY", "MAY NOT", "OPTIONAL"}
_IN_A_PACK = 14


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

    def verdicts(self, criteria: Iterable[str], paths: Sequence[Path]) -> Iterator[dict[str, str]]:
        """By rule, for each file."""
        driver = Path(__file__).with_name("official_driver.py")
        called = [self.python, driver, ",".join(criteria), *(path.resolve() for path in paths)]
        with subprocess.Popen(
            called,
            cwd=self.packages(),
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
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


def counterpart(rule_id: str, rule: Mapping[str, Any]) -> str:
    """How Costwire checks what an official rule says, in words for a table."""
    known = {one.id for one in rules_of(VERSION)}
    if rule_id in known:
        return "same id"
    if rule_id in _SAME_AS:
        return f"`{_SAME_AS[rule_id]}`"
    match rule["ValidationCriteria"]["Requirement"].get("CheckFunction"):
        case "TypeDecimal":
            return f"`{own_rules.AMOUNT_UNREADABLE}`"
        case "TypeDateTime":
            return f"`{own_rules.INSTANT_UNREADABLE}`, the column's format"
        case "TypeString" | "FormatString":
            return f"every cell is text in UTF-8, else `{own_rules.UNDECODABLE}`"
        case _:
            return "none"


@dataclass
class Tally:
    """How often two verdicts on one rule were the same, and where they were not."""

    same: int = 0
    only_official: list[str] = field(default_factory=list)
    only_costwire: list[str] = field(default_factory=list)

    @property
    def differs(self) -> bool:
        """Once is enough."""
        return bool(self.only_official or self.only_costwire)


def packs(breaks: Sequence[Break], at_once: int = _IN_A_PACK) -> list[list[Break]]:
    """The ways in groups that touch no column twice: the official tool takes seconds for a file."""
    groups: list[tuple[set[str], list[Break]]] = []
    for one in breaks:
        touched = {*one.cells, *([one.drops] if one.drops else [])}
        for columns, group in groups:
            alike = bool(one.drops) is bool(group[0].drops)
            if alike and len(group) < at_once and not columns & touched:
                columns |= touched
                group.append(one)
                break
        else:
            groups.append((touched, [one]))
    return [group for _, group in groups]


def read_csv(path: Path, most: int) -> tuple[list[str], list[Row]]:
    """The columns and first rows of a file, null as an empty text."""
    with path.open(newline="", encoding="utf-8-sig") as stream:
        reader = csv.reader(stream)
        names = next(reader)
        rows = [dict(zip(names, row, strict=True)) for row in islice(reader, most)]
    return names, [{k: "" if v == "NULL" else v for k, v in row.items()} for row in rows]


def write_csv(path: Path, names: Sequence[str], rows: Sequence[Row]) -> Path:
    """A file of these cells."""
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(names)
        writer.writerows([row[name] for name in names] for row in rows)
    return path


def broken_files(
    base: Path, folder: Path, groups: Sequence[Sequence[Break]], most_rows: int
) -> dict[str, Path]:
    """The base as it is, and broken in each group of ways, by what was done to it."""
    names, rows = read_csv(base, most_rows)
    files = {"as it is": write_csv(folder / f"{base.stem}-0.csv", names, rows)}
    for number, group in enumerate(groups, 1):
        left, broken = names, rows
        used: set[int] = set()
        for one in group:
            left, broken = one(left, broken, used)
        told = "; ".join(one.name for one in group)
        files[told] = write_csv(folder / f"{base.stem}-{number}.csv", left, broken)
    return files


def compare(official: Official, files: Mapping[str, Path], tallies: dict[str, Tally]) -> None:
    """Add the verdicts on these files to the tallies; a rule that is skipped tells nothing."""
    names, _ = read_csv(next(iter(files.values())), 0)
    rules = official.rules()
    judged = official.verdicts(shown_capabilities(names), list(files.values()))
    for (told, path), verdicts in zip(files.items(), judged, strict=True):
        found = broken_rules(path)
        for rule_id, rule in rules.items():
            verdict = verdicts.get(rule_id, "skipped")
            if verdict in ("skipped", "errored"):
                continue
            ours = is_broken(rule_id, rule, found)
            tally = tallies.setdefault(rule_id, Tally())
            place = f"{path.stem}: {told}"
            if ours == (verdict != "passed"):
                tally.same += 1
            elif ours:
                tally.only_costwire.append(place)
            else:
                tally.only_official.append(place)
