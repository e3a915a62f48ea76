"""The grammar of the command line."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from costwire_cli.arguments import parser


def test_run_has_the_promised_options() -> None:
    line = "run a.csv b --table t --data d --period 2024-09 --mode append --dry-run --once"
    args = parser().parse_args(line.split())
    assert (args.sources, args.table, args.data) == (["a.csv", "b"], "t", Path("d"))
    assert (args.period, args.mode, args.dry_run, args.once) == (["2024-09"], "append", True, True)


@pytest.mark.parametrize("command", ["run", "validate"])
def test_encoding_and_names_of_drafts_are_told_alike(command: str) -> None:
    args = parser().parse_args([command, "a.csv", "--encoding", "Windows-1252", "--map-legacy"])
    assert (args.encoding, args.map_legacy) == ("cp1252", True)
    args = parser().parse_args([command, "a.csv"])
    assert (args.encoding, args.map_legacy) == (None, False)


@pytest.mark.parametrize(
    "line",
    [
        "sql SELECT",
        "ask list",
        "ask show some-question",
        "ask run some-question",
        "costs",
        "diff 1",
        "rates set rates.csv",
        "rates list",
        "ledger",
        "deliveries list",
        "deliveries show 1",
        "deliveries accept 1",
        "deliveries reject 1",
        "user list",
        "user add ann",
        "user remove ann",
        "adopt --table t",
        "erase --table t --where a=1",
        "validate a.csv",
        "sample --out d",
        "demo",
        "run a.csv",
    ],
)
def test_every_command_takes_a_folder_or_a_store(line: str) -> None:
    assert parser().parse_args(line.split()).data == Path("costwire-data")
    assert parser().parse_args([*line.split(), "--data", "d"]).data == Path("d")
    assert parser().parse_args([*line.split(), "--store", "http://h:1"]).store == "http://h:1"


@pytest.mark.parametrize(
    "line",
    [
        "",
        "run",
        "run a --period 2024-13",
        "run a --table Costs",
        "run a --currency usd",
        "run a --encoding klingon",
        "validate a --encoding rot13",
        "run a --data d --store http://h",
        "ledger --store host",
        "sample --rows 0 --out d",
        "sample --days 0 --out d",
        "user add ann --role god",
        "adopt",
        "ask",
        "ask show",
        "ask run some-question --param month",
        "ask run some-question --table Costs",
        "erase --table t",
        "erase --where a=1",
        "costs --limit 0",
        "costs --format arrow",
        "costs 1",
        "diff",
        "diff 1 2 3",
        "rates set",
        "rates",
    ],
)
def test_wrong_use_ends_with_2(line: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        parser().parse_args(line.split())
    assert ended.value.code == 2
    assert "usage: costwire" in capsys.readouterr().err


def test_a_parameter_is_a_name_and_a_value_of_any_letters() -> None:
    line = ["ask", "run", "q", "--param", "a=b=c", "--param", "d="]
    assert parser().parse_args(line).param == [("a", "b=c"), ("d", "")]


def test_moments_of_days_ago_are_no_options() -> None:
    args = parser().parse_args(["diff", "-7d", "-1d", "--by", "month"])
    assert (args.begin, args.end, args.by) == ("-7d", "-1d", "month")
    assert parser().parse_args(["costs", "--as-of", "-7d"]).as_of == "-7d"


def test_help_imports_nothing_heavy() -> None:
    script = (
        "import sys; from costwire_cli.arguments import parser; parser().format_help(); "
        "sys.exit(any(name in sys.modules for name in ('pyarrow', 'polars', 'requests', 'rich')))"
    )
    assert subprocess.run([sys.executable, "-c", script], check=False, timeout=30).returncode == 0
