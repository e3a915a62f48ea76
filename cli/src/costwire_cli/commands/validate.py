"""`costwire validate`: a report against the rules of FOCUS, without any service or store."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Mapping

from costwire_cli.errors import QUARANTINED, SETTLED, CommandError
from costwire_cli.output import say, show, write_json
from costwire_cli.progress import Progress
from costwire_cli.verdict import SetAside, Verdict
from costwire_cli.verdict_forms import junit, sarif
from costwire_focus import versions
from costwire_focus.errors import FocusError
from costwire_focus.foreign import refuse_foreign
from costwire_focus.legacy import LegacyNames, mapped_names
from costwire_focus.readers import open_report
from costwire_focus.rules import Finding, Grade, Validator, rules_of
from costwire_sources import Access, Wanted, open_source
from costwire_sources.errors import SourceError
from costwire_sources.source import Part


def run(args: Namespace) -> int:
    """Read the whole report and tell what is wrong with it."""
    try:
        with Progress() as progress:
            verdict = validate(args, progress)
    except (SourceError, FocusError) as error:
        raise CommandError(str(error)) from error
    match args.format:
        case "json":
            write_json(verdict.to_json())
        case "sarif":
            write_json(sarif(verdict))
        case "junit":
            show(junit(verdict))
        case _:
            for line in verdict.lines():
                say(line)
    return SETTLED if verdict.is_clean else QUARANTINED


def validate(args: Namespace, progress: Progress) -> Verdict:
    """Check every part. Raises: `SourceError`, `FocusError` for what cannot be read."""
    access = Access(args.anonymous, args.instance_metadata)
    source = open_source(args.source, access=access, wanted=Wanted(args.layout))
    reading = source.poll(None)
    if reading is None:
        raise CommandError(f"read {source.name}: it holds nothing")
    verdict = Verdict(reading.name, args.min_grade)
    with reading:
        verdict.uris = {part.name: part.uri for part in reading.parts}
        headers = [_header(part, args) for part in reading.parts]
        if not any(header for _, header in headers):
            raise CommandError(f"read {reading.name}: it holds no record to name a column")
        names = list(dict.fromkeys(name for own, _ in headers for name in own))
        verdict.version = args.focus_version or versions.detect(names)
        validator = Validator(
            names,
            verdict.version,
            dates=args.dates,
            currency=args.currency,
            declared=tuple(reading.months),
            file=reading.parts[0].name,
            costs=True,
        )
        for part, (_, header) in zip(reading.parts, headers, strict=True):
            _check_part(part, header, args, validator, verdict, progress)
    _conclude(verdict, validator)
    return verdict


def _conclude(verdict: Verdict, validator: Validator) -> None:
    verdict.rules = rules_of(validator.version)
    verdict.findings += validator.findings.values()
    if validator.touched is not None:
        verdict.whole = validator.touched.whole
        verdict.touched = validator.touched.by_any
        verdict.costs = {one.rule: validator.touched.by(one.rule) for one in verdict.findings}


def _header(part: Part, args: Namespace) -> tuple[list[str], tuple[str, ...]]:
    """The columns of a part, which must be a cost report of its own, and its header as it is."""
    with part.open() as stream:
        report = open_report(stream, part.name, encoding=args.encoding)
    names = mapped_names(report.names) if args.map_legacy else report.names
    try:
        if names:
            refuse_foreign(names)
    except FocusError as error:
        raise CommandError(f"{part.name}: {error}") from error
    return names, report.header


def _check_part(
    part: Part,
    header: tuple[str, ...],
    args: Namespace,
    validator: Validator,
    verdict: Verdict,
    progress: Progress,
) -> None:
    legacy = LegacyNames() if args.map_legacy else None
    with part.open() as stream:
        report = open_report(stream, part.name, encoding=args.encoding, header=header)
        for found in report.batches() if header else ():
            batch = legacy.map(found) if legacy else found
            checked = validator.check(batch)
            verdict.usable += checked.charges.num_rows
            verdict.rows += checked.charges.num_rows + len(checked.unusable)
            for rule in {row.rule for row in checked.unusable}:
                rows = [row for row in checked.unusable if row.rule == rule]
                verdict.unusable.setdefault(rule, SetAside(args.currency)).add(rows, batch.charges)
            progress.show("validating", verdict.rows, 0, 0)
        _add_remarks(verdict, report.remarks)
    part.verify()


def _add_remarks(verdict: Verdict, remarks: Mapping[str, str]) -> None:
    """What the reader had to say of a part as a whole, once for all parts."""
    grades = {rule.id: rule.grade for rule in rules_of(verdict.version)}
    known = {finding.rule for finding in verdict.findings}
    for rule, message in remarks.items():
        if rule not in known:
            grade = grades.get(rule, Grade.VIOLATION)
            verdict.findings.append(Finding(rule, grade, message, None, count=1))
