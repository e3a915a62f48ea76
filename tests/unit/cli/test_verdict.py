"""Tests of what `costwire validate` tells: for people, as JSON, SARIF and JUnit."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as Xml

import pyarrow as pa
import pytest

from costwire_cli.verdict import SetAside, Verdict
from costwire_cli.verdict_forms import junit, sarif
from costwire_focus.batch import Unusable
from costwire_focus.rules import Finding, Grade, rules_of

_NOT_NULL = "ServiceName-C-003-M"
_UNIT = "PricingUnit-C-003-O"
_UNREADABLE = "CW-AmountUnreadable"


def _set_aside(count: int = 1) -> SetAside:
    """Rows of which the first amount can be read, and the others cannot."""
    rows = SetAside("EUR")
    amounts = ["0.25", *["x"] * (count - 1)]
    found = [
        Unusable("a b.csv", 9 + at, b"", "BilledCost", _UNREADABLE, f"read \0 {at}", row=at)
        for at in range(count)
    ]
    rows.add(found, pa.table({"BilledCost": pa.array(amounts)}))
    return rows


def _verdict(**changes: Any) -> Verdict:
    settings: dict[str, Any] = {
        "version": "1.2",
        "rows": 12,
        "usable": 11,
        "unusable": {_UNREADABLE: _set_aside()},
        "uris": {"a b.csv": f"{Path.cwd().as_uri()}/reports/a%20b.csv"},
        "findings": [
            Finding(_UNIT, Grade.ADVICE, "a unit", "PricingUnit", 3, [("a b.csv", 7)]),
            Finding(_NOT_NULL, Grade.VIOLATION, "not null", "ServiceName", 2, [("a b.csv", 2)]),
        ],
        "costs": {_NOT_NULL: {"EUR": Decimal("0.10")}},
        "whole": {"EUR": Decimal("0.40")},
        "touched": {"EUR": Decimal("0.30")},
        "rules": rules_of("1.2"),
    }
    return Verdict("reports", **settings | changes)


def test_people_read_the_gravest_first_with_lines_and_the_share_of_money() -> None:
    lines = [line.strip() for line in _verdict().lines()]
    assert lines[0] == "reports: FOCUS 1.2, 12 rows"
    at = lines.index(f"2  {_NOT_NULL}: not null")
    assert lines[at + 1 : at + 3] == ["at a b.csv:2, ...", "BilledCost 0.1 of 0.4 EUR, 25.0 %"]
    assert at < lines.index(f"3  {_UNIT}: a unit")
    assert lines[-1] == "BilledCost 0.3 of 0.4 EUR, 75.0 %"


def test_there_is_no_share_of_nothing() -> None:
    text = "\n".join(_verdict(whole={"EUR": Decimal(0)}).lines())
    assert "BilledCost 0.1 of 0 EUR\n" in text + "\n"


@pytest.mark.parametrize(
    ("grade", "told", "clean"),
    [("advice", [_NOT_NULL, _UNIT], False), ("violation", [_NOT_NULL], False), ("unusable", [], 1)],
)
def test_only_findings_that_are_grave_enough_are_told_and_count(
    grade: str, told: list[str], clean: bool
) -> None:
    verdict = _verdict(min_grade=grade, unusable={})
    assert list(verdict.to_json()["findings"]) == told
    assert verdict.is_clean is bool(clean)
    if clean:
        assert "2 rules are broken below that" in list(verdict.lines())[1]


def test_unusable_rows_are_never_hidden() -> None:
    assert not _verdict(min_grade="unusable").is_clean


def test_sarif_has_for_each_told_line_a_result_at_its_place() -> None:
    log = sarif(_verdict())
    (run,) = log["runs"]
    rules = run["tool"]["driver"]["rules"]
    assert log["version"] == "2.1.0"
    assert [(one["ruleId"], one["level"]) for one in run["results"]] == [
        (_NOT_NULL, "warning"),
        (_UNIT, "note"),
        (_UNREADABLE, "error"),
    ]
    for result in run["results"]:
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"]
        assert result["message"]["text"]
        (place,) = result["locations"]
        physical = place["physicalLocation"]
        assert physical["artifactLocation"]["uri"] == "reports/a%20b.csv"
        assert physical["region"]["startLine"] >= 1
    assert len({rule["id"] for rule in rules}) == len(rules)


def test_sarif_places_what_has_no_line_at_the_first_of_the_source() -> None:
    found = Finding("CW-BinaryFloat", Grade.ADVICE, "floats", None, 1)
    (result,) = sarif(_verdict(findings=[found], unusable={}))["runs"][0]["results"]
    (place,) = result["locations"]
    assert place["physicalLocation"]["artifactLocation"]["uri"] == "reports/a%20b.csv"
    assert place["physicalLocation"]["region"]["startLine"] == 1


@pytest.mark.parametrize("uri", ["s3://bucket/a%20b.csv", "https://a.b/c.csv", "file:///c.csv"])
def test_sarif_tells_what_lies_elsewhere_by_its_whole_address(uri: str) -> None:
    results = sarif(_verdict(uris={"a b.csv": uri}))["runs"][0]["results"]
    places = [result["locations"][0]["physicalLocation"] for result in results]
    assert {place["artifactLocation"]["uri"] for place in places} == {uri}


def test_unusable_rows_are_counted_by_rule_however_many_there_are() -> None:
    verdict = _verdict(unusable={_UNREADABLE: _set_aside(30), "CW-FieldCount": _set_aside(2)})
    assert verdict.unusable_count == 32
    lines = [line.strip() for line in verdict.lines()]
    assert lines[1] == "32 rows are unusable and would be quarantined:"
    assert lines[2].startswith(f"30  {_UNREADABLE}: ")
    assert lines[3] == "a b.csv:9  read \0 0"
    assert lines[8:10] == ["... 25 more", "BilledCost 0.25 EUR, as far as it can be read"]
    told = verdict.to_json()["unusable"]
    assert {rule: (each["count"], len(each["lines"])) for rule, each in told.items()} == {
        _UNREADABLE: (30, 10),
        "CW-FieldCount": (2, 2),
    }
    assert told[_UNREADABLE]["billedCost"] == {"EUR": "0.25"}
    failed = Xml.fromstring(junit(verdict)).findall(".//failure")  # noqa: S314 - our own text
    messages = [failure.attrib["message"] for failure in failed]
    assert {"30 rows are unusable", "2 rows are unusable"} <= {*messages}


def test_junit_fails_broken_rules_and_lets_advice_pass() -> None:
    root = Xml.fromstring(junit(_verdict()))  # noqa: S314 - our own text
    suite = root.find("testsuite")
    assert suite is not None
    cases = {case.attrib["name"].partition(":")[0]: case for case in suite}
    assert len(cases) == len(rules_of("1.2")) == int(root.attrib["tests"])
    assert root.attrib["failures"] == suite.attrib["failures"] == "2"
    failure = cases[_NOT_NULL].find("failure")
    assert failure is not None
    assert failure.attrib == {"type": "violation", "message": "2 found"}
    assert (failure.text or "").splitlines() == ["not null", "a b.csv:2"]
    assert cases[_UNREADABLE].find("failure") is not None
    assert cases[_UNIT].find("failure") is None
    assert cases[_UNIT].findtext("system-out") == "a unit\na b.csv:7"
    assert len(cases["ListCost-C-003-M"]) == 0


def test_json_tells_the_money_beside_each_finding() -> None:
    document = _verdict().to_json()
    assert document["billedCost"] == {"EUR": {"usable": "0.4", "withFindings": "0.3"}}
    assert document["findings"][_NOT_NULL]["billedCost"] == {"EUR": "0.1"}
