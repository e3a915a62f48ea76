"""The grammar of `costwire quarantine`; imports nothing heavy."""

from __future__ import annotations

import argparse
from pathlib import Path

from costwire_cli.options import (
    Subparsers,
    add_format,
    add_store,
    assignment,
    at_least,
    table_name,
)


def add_quarantine(commands: Subparsers) -> None:
    """Rows that could not be used: looking at them, repairing them, taking them back."""
    command = commands.add_parser(
        "quarantine",
        help="look at rows that could not be used, repair them, take them back",
        description="Rows that could not be used: list, show, export, fix, replay.",
    )
    actions = command.add_subparsers(dest="action", required=True, metavar="ACTION")
    _list(actions)
    _show(actions)
    _export(actions)
    _fix(actions)
    _replay(actions)


def _list(actions: Subparsers) -> None:
    action = actions.add_parser("list", help="deliveries with quarantined rows, by rule and column")
    action.add_argument("--table", type=table_name, help="only deliveries into this table")
    add_format(action, "table", "json")
    add_store(action)


def _show(actions: Subparsers) -> None:
    action = actions.add_parser("show", help="the quarantined rows of a delivery, with their bytes")
    _commit(action)
    action.add_argument("--rule", metavar="ID", help="only rows that broke this rule")
    action.add_argument(
        "--rows", type=at_least(1), default=20, metavar="N", help="how many at most (default: 20)"
    )
    add_format(action, "table", "json")
    add_store(action)


def _export(actions: Subparsers) -> None:
    action = actions.add_parser(
        "export", help="write the rows as a CSV sheet of the report's columns, to be edited"
    )
    _commit(action)
    action.add_argument(
        "--output",
        type=Path,
        required=True,
        metavar="FILE",
        help="the sheet to write; beyond 50,000 rows or 8 MiB also FILE-2, FILE-3, ...",
    )
    action.add_argument(
        "--force", action="store_true", help="replace sheets that are there, with their edits"
    )
    add_store(action)


def _fix(actions: Subparsers) -> None:
    action = actions.add_parser(
        "fix",
        help="check an edited sheet by the rules, say what is still wrong, store nothing",
    )
    _commit(action)
    _sheets(action)
    action.add_argument(
        "--set",
        action="append",
        type=assignment,
        default=[],
        metavar="COLUMN=VALUE",
        help="first put this into the sheet, an empty VALUE for null; may be repeated",
    )
    action.add_argument("--where-rule", metavar="ID", help="only into rows that broke this rule")
    add_format(action, "table", "json")
    add_store(action)


def _replay(actions: Subparsers) -> None:
    action = actions.add_parser(
        "replay", help="take the repaired rows of a sheet into their delivery, all of it or none"
    )
    _commit(action)
    _sheets(action)
    action.add_argument(
        "--partial", action="store_true", help="rows that are still broken stay, the others come"
    )
    action.add_argument(
        "--into-closed", action="store_true", help="also where a closed billing period changes"
    )
    add_format(action, "table", "json")
    add_store(action)


def _commit(action: argparse.ArgumentParser) -> None:
    action.add_argument("commit", metavar="DELIVERY", help="its number, as in: quarantine list")


def _sheets(action: argparse.ArgumentParser) -> None:
    action.add_argument(
        "sheets", type=Path, nargs="+", metavar="FILE", help="a sheet that export wrote"
    )
