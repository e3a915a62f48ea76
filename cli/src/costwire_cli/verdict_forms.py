"""What was found in a report, in the forms that build pipelines read: SARIF and JUnit."""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final
from xml.etree import ElementTree as Xml

from costwire_cli.verdict import Verdict
from costwire_focus.rules import Finding, Grade, Rule

SARIF_SCHEMA: Final = "https://json.schemastore.org/sarif-2.1.0.json"

_LEVELS: Final = {
    Grade.UNUSABLE: "error",
    Grade.VIOLATION: "warning",
    Grade.ADVICE: "note",
}
_FIRST_LINE: Final = 1
_NOT_XML: Final = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def sarif(verdict: Verdict) -> dict[str, Any]:
    """A SARIF 2.1.0 log of one run.

    A result for each line that is told of a rule, and for each unusable row that is told; the
    count of all stands in the message. Files below the working folder are told from there.
    Source: OASIS, SARIF 2.1.0, sections 3.4, 3.27 and 3.49.
    """
    rules = list(verdict.rules)
    index = {rule.id: number for number, rule in enumerate(rules)}
    results = [*_findings(verdict), *_unusable(verdict)]
    for result in results:
        if (number := index.get(result["ruleId"])) is not None:
            result["ruleIndex"] = number
    driver = {
        "name": "costwire",
        "version": version("costwire"),
        "rules": [_descriptor(rule) for rule in rules],
    }
    run = {
        "tool": {"driver": driver},
        "results": results,
        "properties": {"source": verdict.source, "focusVersion": verdict.version},
    }
    return {"$schema": SARIF_SCHEMA, "version": "2.1.0", "runs": [run]}


def _descriptor(rule: Rule) -> dict[str, Any]:
    return {
        "id": rule.id,
        "shortDescription": {"text": rule.sentence},
        "defaultConfiguration": {"level": _LEVELS[rule.grade]},
        "properties": {"grade": rule.grade.value},
    }


def _findings(verdict: Verdict) -> Iterator[dict[str, Any]]:
    for finding in verdict.told:
        told = f"{finding.message} ({finding.count:,} in all)"
        places = finding.lines or [(next(iter(verdict.uris)), _FIRST_LINE)]
        for file, line in places:
            yield _result(finding.rule, finding.grade, told, verdict.uris[file], line)


def _unusable(verdict: Verdict) -> Iterator[dict[str, Any]]:
    for rule, rows in verdict.unusable.items():
        for row in rows.first:
            told = f"{row.reason} ({rows.count:,} rows in all)"
            yield _result(rule, Grade.UNUSABLE, told, verdict.uris[row.file], row.line)


def _result(rule: str, grade: Grade, text: str, uri: str, line: int) -> dict[str, Any]:
    uri = uri.removeprefix(f"{Path.cwd().as_uri()}/")
    place = {"artifactLocation": {"uri": uri}, "region": {"startLine": line}}
    return {
        "ruleId": rule,
        "level": _LEVELS[grade],
        "message": {"text": text},
        "locations": [{"physicalLocation": place}],
    }


def junit(verdict: Verdict) -> str:
    """JUnit XML: a test case for each rule that was looked at, and for each part a rule of it.

    A rule that unusable rows or charges break has failed; advice is told in the output of a case
    that passed, so that it stops no pipeline.
    """
    told = {finding.rule: finding for finding in verdict.told}
    suite = Xml.Element("testsuite", name=_clean(f"costwire validate {verdict.source}"))
    for rule in verdict.rules:
        case = Xml.SubElement(
            suite,
            "testcase",
            classname=f"FOCUS {verdict.version}.{rule.column or 'report'}",
            name=_clean(f"{rule.id}: {rule.sentence}"),
            time="0",
        )
        finding = told.get(rule.id)
        if rows := verdict.unusable.get(rule.id):
            places = [f"{row.file}:{row.line}  {row.reason}" for row in rows.first]
            _fail(case, rule.grade, f"{rows.count:,} rows are unusable", places)
        elif finding is not None and finding.grade is Grade.ADVICE:
            Xml.SubElement(case, "system-out").text = _clean("\n".join(_places(finding)))
        elif finding is not None:
            _fail(case, finding.grade, f"{finding.count:,} found", _places(finding))
    failures = str(len(suite.findall("testcase/failure")))
    counts = {"tests": str(len(suite)), "failures": failures, "errors": "0", "skipped": "0"}
    suite.attrib.update(counts, time="0")
    root = Xml.Element("testsuites", {"name": "costwire validate", **counts})
    root.append(suite)
    Xml.indent(root)
    return Xml.tostring(root, encoding="unicode", xml_declaration=True)


def _fail(case: Xml.Element, grade: Grade, message: str, lines: list[str]) -> None:
    failure = Xml.SubElement(case, "failure", type=grade.value, message=_clean(message))
    failure.text = _clean("\n".join(lines))


def _places(finding: Finding) -> list[str]:
    return [finding.message, *(f"{file}:{line}" for file, line in finding.lines)]


def _clean(text: str) -> str:
    """Without the characters that XML cannot hold."""
    return _NOT_XML.sub("\N{REPLACEMENT CHARACTER}", text)
