"""Tests that the generated pages are current and complete."""

from pathlib import Path

import pytest

from costwire_focus.columns import COLUMNS
from costwire_focus.dictionary import data_dictionary, main, question_list, rule_list
from costwire_focus.questions import QUESTIONS
from costwire_focus.rules import all_rules

_DOCS = Path(__file__).parents[3] / "docs"


@pytest.mark.parametrize(
    ("page", "text"),
    [
        ("data-dictionary.md", data_dictionary()),
        ("rules.md", rule_list()),
        ("questions.md", question_list()),
    ],
)
def test_the_page_is_current(page, text):
    assert (_DOCS / page).read_text(encoding="utf-8") == text


def test_every_column_has_its_row():
    page = data_dictionary()
    assert all(f"| `{name}` |" in page for name in COLUMNS)


def test_every_rule_has_its_row():
    page = rule_list()
    assert all(f"| `{rule.id}` |" in page for rule, _ in all_rules())


def test_the_licence_of_the_facts_is_told():
    assert "CC BY 4.0" in data_dictionary()


def test_a_page_that_is_not_there_is_wrong_use(capsys):
    assert main(["poems"]) == 2
    assert main(["rules"]) == 0
    assert capsys.readouterr().out == rule_list()


def test_every_question_stands_there_with_its_sql():
    page = question_list()
    assert all(f"## {one.name}\n\n{one.question}\n" in page for one in QUESTIONS.values())
    assert all(f"```sql\n{one.sql}\n```" in page for one in QUESTIONS.values())
