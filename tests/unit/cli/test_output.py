"""Tables and CSV on standard output."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from costwire_cli.output import complain, say, write_csv, write_table


def test_table_without_a_terminal_is_plain_columns(capsys: pytest.CaptureFixture[str]) -> None:
    write_table(["name", "cost"], [["vm", "1.5"], [None, "100"]], [False, True])
    assert capsys.readouterr().out == "name  cost\n----  ----\nvm     1.5\nNULL   100\n"


def test_control_characters_do_not_reach_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    write_table(["name"], [["a\x1b[31m\nb"]])
    assert "a\\x1b[31m\\nb" in capsys.readouterr().out


def test_what_reports_hold_does_nothing_to_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    say("bill\x1b[31m.csv\rgone")
    complain("read it: \x1b]0;x\x07\nnext line")
    told = capsys.readouterr()
    assert told.out == "bill\\x1b[31m.csv\\rgone\n"
    assert told.err == "read it: \\x1b]0;x\\x07\nnext line\n"


def test_null_and_empty_text_differ_in_csv(capsys: pytest.CaptureFixture[str]) -> None:
    write_csv(["a", "b"], [[None, ""]])
    assert capsys.readouterr().out == 'a,b\n,""\n'


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=st.lists(st.lists(st.text(), min_size=2, max_size=2), max_size=5))
def test_csv_is_read_back(capsys: pytest.CaptureFixture[str], rows: list[list[str]]) -> None:
    capsys.readouterr()
    write_csv(["a", "b"], rows)
    text = capsys.readouterr().out
    assert list(csv.reader(io.StringIO(text, newline=""))) == [["a", "b"], *rows]
