"""The table of faults tells what was lost, and the tests that never got that far."""

from __future__ import annotations

from collections import Counter

import pytest
from tests.support.faults import as_markdown, lines_of, lost_and_doubled


def a_report(*properties: tuple[str, object]) -> pytest.TestReport:
    return pytest.TestReport(
        "test_x", ("x.py", 1, "test_x"), {}, "failed", None, "call", user_properties=properties
    )


def test_rows_that_are_missing_and_rows_that_are_too_many_are_told_apart() -> None:
    assert lost_and_doubled(Counter("aabc"), Counter("abbbc")) == (1, 2)


def test_a_line_of_a_test_that_passed_is_in_the_table() -> None:
    line = ["kill -9", "3", "whole", "0", "0"]
    assert lines_of({"passed": [a_report(("line of the fault table", line))]}) == [line]


@pytest.mark.parametrize("outcome", ["failed", "error"])
def test_a_test_of_faults_that_failed_is_in_the_table(outcome: str) -> None:
    assert lines_of({outcome: [a_report(("marked faults", True))]}) == [
        ["test_x", "", "FAILED", "?", "?"]
    ]


def test_other_failures_are_no_faults() -> None:
    assert lines_of({"failed": [a_report()]}) == []


def test_a_file_that_could_not_be_collected_is_no_fault() -> None:
    assert lines_of({"error": [pytest.CollectReport("x.py", "failed", "no such name", [])]}) == []


def test_the_table_is_markdown_whatever_a_cell_holds() -> None:
    assert as_markdown([["a|b", "1", "whole", "0", "0"]])[2].startswith("| a\\|b  | 1 ")
