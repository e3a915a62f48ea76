"""The options of `costwire topology`, and where its aggregator is."""

from __future__ import annotations

from pathlib import Path

import pytest

from costwire_cli.arguments import parser
from costwire_cli.connection import without_sign_in


@pytest.fixture(autouse=True)
def _nothing_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COSTWIRE_AGGREGATOR", raising=False)


def test_topology_has_the_promised_options() -> None:
    line = (
        "topology --cluster a --cluster b --namespace n --depth pods --format json "
        "--aggregator https://h:1/x --token-file t --ca-file c --costs --period 2026-10"
    )
    args = parser().parse_args(line.split())
    assert (args.clusters, args.namespaces, args.depth) == (["a", "b"], ["n"], "pods")
    assert (args.format, args.aggregator) == ("json", "https://h:1/x")
    assert (args.token_file, args.ca_file) == (Path("t"), Path("c"))
    assert (args.costs, args.period) == (True, "2026-10")


def test_nothing_said_is_everything_as_a_tree_from_this_machine() -> None:
    args = parser().parse_args(["topology"])
    assert (args.clusters, args.namespaces, args.depth, args.format) == ([], [], None, "tree")
    assert args.aggregator == "http://127.0.0.1:8080"
    assert (args.costs, args.period) == (False, None)


def test_names_of_one_command_line_are_not_those_of_the_next() -> None:
    parser().parse_args(["topology", "--cluster", "a"])
    assert parser().parse_args(["topology"]).clusters == []


@pytest.mark.parametrize(
    ("value", "address"),
    [("http://one:2", "http://one:2"), ("", "http://127.0.0.1:8080")],
)
def test_variable_names_the_aggregator(
    monkeypatch: pytest.MonkeyPatch, value: str, address: str
) -> None:
    monkeypatch.setenv("COSTWIRE_AGGREGATOR", value)
    assert parser().parse_args(["topology"]).aggregator == address
    args = parser().parse_args(["topology", "--aggregator", "http://two:3"])
    assert args.aggregator == "http://two:3"


@pytest.mark.parametrize(
    "address",
    ["ann:hush@host:8080", "ftp://ann:hush@host", "http://", "http://h:x", "http://h:99999", "//h"],
)
def test_bad_address_is_refused_and_its_password_is_not_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], address: str
) -> None:
    monkeypatch.setenv("COSTWIRE_AGGREGATOR", address)
    with pytest.raises(SystemExit) as ended:
        parser().parse_args(["topology"])
    assert ended.value.code == 2
    told = capsys.readouterr().err
    assert "--aggregator: give an http:// or https:// address" in told
    assert "hush" not in told


def test_bad_variable_does_not_disturb_other_commands(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COSTWIRE_AGGREGATOR", "nonsense")
    assert parser().parse_args(["ledger"]).command == "ledger"


@pytest.mark.parametrize(
    "line",
    [
        *("--depth atoms", "--format table", "--cluster=", "--namespace=", "north", "--data d"),
        *("--costs --period 2026-13", "--costs --period october", "--costs --period=", "--costs=1"),
    ],
)
def test_wrong_use_ends_with_2(line: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        parser().parse_args(["topology", *line.split()])
    assert ended.value.code == 2
    assert "usage: costwire" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("url", "bare", "sign_in"),
    [
        ("http://h:1", "http://h:1", None),
        ("https://h/a/b/", "https://h/a/b", None),
        ("https://ann:p%40ss@[::1]:8/?q=1#f", "https://[::1]:8", ("ann", "p@ss")),
        ("https://ann@h", "https://h", ("ann", "")),
    ],
)
def test_user_and_password_leave_the_address(
    url: str, bare: str, sign_in: tuple[str, str] | None
) -> None:
    assert without_sign_in(url) == (bare, sign_in)
