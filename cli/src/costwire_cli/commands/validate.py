"""`costwire validate`: a report against the rules of FOCUS, without any service or store."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from costwire_cli.errors import QUARANTINED, SETTLED, CommandError
from costwire_cli.output import say, write_json
from costwire_cli.progress import Progress
from costwire_focus import versions
from costwire_focus.batch import Unusable
from costwire_focus.errors import FocusError
from costwire_focus.foreign import refuse_foreign
from costwire_focus.readers import Report, open_report
from costwire_focus.rules import Finding, Validator
from costwire_sources import Access, Wanted, open_source
from costwire_sources.errors import SourceError
from costwire_sources.source import Part, Reading

LINES_SHOWN = 5
ROWS_SHOWN = 20


@dataclass
class Verdict:
    """What was found in a report."""

    source: str
    version: str = ""
    rows: int = 0
    usable: int = 0
    unusable_count: int = 0
    unusable: list[Unusable] = field(default_factory=list)
    remarks: dict[str, str] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)

    @property
    def is_clean(self) -> bool:
        """No row unusable, no rule broken."""
        return not (self.unusable_count or self.findings or self.remarks)

    def to_json(self) -> dict[str, Any]:
        """The stable form of `--format json`."""
        return {
            "source": self.source,
            "focusVersion": self.version,
            "rows": {"read": self.rows, "usable": self.usable, "unusable": self.unusable_count},
            "findings": {
                **{rule: _remark(message) for rule, message in self.remarks.items()},
                **{finding.rule: _finding(finding) for finding in self.findings},
            },
            "unusable": [_unusable(row) for row in self.unusable],
        }


def run(args: Namespace) -> int:
    """Read the whole report and tell what is wrong with it."""
    try:
        with Progress() as progress:
            verdict = validate(args, progress)
    except (SourceError, FocusError) as error:
        raise CommandError(str(error)) from error
    if args.format == "json":
        write_json(verdict.to_json())
    else:
        for line in _lines(verdict):
            say(line)
    return SETTLED if verdict.is_clean else QUARANTINED


def validate(args: Namespace, progress: Progress) -> Verdict:
    """Check every part. Raises: `SourceError`, `FocusError` for what cannot be read."""
    access = Access(args.anonymous, args.instance_metadata)
    source = open_source(args.source, access=access, wanted=Wanted(args.layout))
    reading = source.poll(None)
    if reading is None:
        raise CommandError(f"read {source.name}: it holds nothing")
    verdict = Verdict(reading.name)
    with reading:
        names = _all_names(reading)
        verdict.version = args.focus_version or versions.detect(names)
        validator = Validator(
            names,
            verdict.version,
            dates=args.dates,
            currency=args.currency,
            declared=tuple(reading.months),
            file=reading.parts[0].name,
        )
        for part in reading.parts:
            _check_part(part, validator, verdict, progress)
    verdict.findings = list(validator.findings.values())
    return verdict


def _all_names(reading: Reading) -> list[str]:
    """The columns of all parts; each part must be a cost report of its own."""
    names: dict[str, None] = {}
    for part in reading.parts:
        with part.open() as stream:
            own = open_report(stream, part.name).names
        try:
            refuse_foreign(own)
        except FocusError as error:
            raise CommandError(f"{part.name}: {error}") from error
        names |= dict.fromkeys(own)
    return list(names)


def _check_part(part: Part, validator: Validator, verdict: Verdict, progress: Progress) -> None:
    with part.open() as stream:
        report: Report = open_report(stream, part.name)
        for batch in report.batches():
            checked = validator.check(batch)
            verdict.usable += checked.charges.num_rows
            verdict.unusable_count += len(checked.unusable)
            verdict.rows = verdict.usable + verdict.unusable_count
            room = ROWS_SHOWN - len(verdict.unusable)
            verdict.unusable += checked.unusable[:room]
            progress.show("validating", verdict.rows, 0, 0)
        verdict.remarks |= report.remarks
    part.verify()


def _remark(message: str) -> dict[str, Any]:
    return {"count": 1, "grade": "violation", "column": None, "message": message, "lines": []}


def _finding(finding: Finding) -> dict[str, Any]:
    return {
        "count": finding.count,
        "grade": finding.grade.value,
        "column": finding.column,
        "message": finding.message,
        "lines": [{"file": file, "line": line} for file, line in finding.lines],
    }


def _unusable(row: Unusable) -> dict[str, Any]:
    return {
        "file": row.file,
        "line": row.line,
        "column": row.column,
        "rule": row.rule,
        "reason": row.reason,
    }


def _lines(verdict: Verdict) -> Iterator[str]:
    yield f"{verdict.source}: FOCUS {verdict.version}, {verdict.rows:,} rows"
    if verdict.is_clean:
        yield "  clean: no rule is broken"
    if verdict.unusable_count:
        yield f"  {verdict.unusable_count:,} rows are unusable and would be quarantined:"
        for row in verdict.unusable:
            yield f"    {row.file}:{row.line}  {row.rule}: {row.reason}"
        if verdict.unusable_count > len(verdict.unusable):
            yield f"    ... {verdict.unusable_count - len(verdict.unusable):,} more"
    if verdict.findings or verdict.remarks:
        yield "  findings (these rows are stored):"
    for rule, message in verdict.remarks.items():
        yield f"    {1:>9,}  {rule}: {message}"
    for finding in sorted(verdict.findings, key=lambda finding: (-finding.count, finding.rule)):
        yield f"    {finding.count:>9,}  {finding.rule}: {finding.message}"
        yield f"               at {_places(finding.lines, finding.count)}"


def _places(lines: list[tuple[str, int]], count: int) -> str:
    """The first lines, a file's name once for those that follow each other."""
    shown: list[str] = []
    for index, (file, line) in enumerate(lines[:LINES_SHOWN]):
        follows = index > 0 and lines[index - 1][0] == file
        shown.append(str(line) if follows else f"{file}:{line}")
    return ", ".join(shown) + (", ..." if count > len(shown) else "")
