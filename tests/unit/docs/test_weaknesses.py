"""The table of the original's weaknesses names tests that exist."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[2]
ROWS = [
    [cell.strip() for cell in line.strip("|").split("|")]
    for line in (TESTS / "README.md").read_text(encoding="utf-8").splitlines()
    if re.match(r"\| \d+ \|", line)
]
LATER = re.compile(r"(Usage metrics|operators|Notebooks|Kubernetes kinds).* come|Nothing is ")
NAMED = re.compile(r"`([\w/]+\.py)::(test_\w+)`")


def functions(file: Path) -> set[str]:
    tree = ast.parse(file.read_text(encoding="utf-8"))
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}


def test_every_weakness_has_its_line() -> None:
    assert [int(row[0]) for row in ROWS] == list(range(1, 64))


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0])
def test_weakness_is_held_by_tests_that_exist_or_is_of_a_later_part(row: list[str]) -> None:
    named = NAMED.findall(row[2])
    assert named or LATER.match(row[2])
    assert row[2].count("`") == 2 * len(named)
    for file, test in named:
        assert test in functions(TESTS / file), f"{file} has no {test}"
