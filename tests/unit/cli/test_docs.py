"""The page of the command line names every command and option."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

import pytest

from costwire_cli.arguments import parser

DOCS = Path(__file__).parents[3] / "docs" / "cli.md"


def commands(grammar: argparse.ArgumentParser) -> Iterator[tuple[str, argparse.ArgumentParser]]:
    for action in grammar._actions:
        if isinstance(action, argparse._SubParsersAction):
            yield from action.choices.items()


def test_every_command_is_documented() -> None:
    text = DOCS.read_text(encoding="utf-8")
    for name, _ in commands(parser()):
        assert f"`costwire {name}" in text


@pytest.mark.parametrize("command", ["run", "topology"])
def test_every_option_is_documented(command: str) -> None:
    text = DOCS.read_text(encoding="utf-8")
    for action in dict(commands(parser()))[command]._actions:
        for option in action.option_strings:
            if option.startswith("--") and option != "--help":
                assert option in text
