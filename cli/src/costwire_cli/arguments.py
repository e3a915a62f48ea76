"""The grammar of the command line; imports nothing heavy, so that `--help` answers at once."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import NoReturn

from costwire_cli.answer_arguments import add_costs, add_diff, add_export, add_invoices, add_rates
from costwire_cli.options import (
    Subparsers,
    add_format,
    add_store,
    assignment,
    at_least,
    currency_code,
    month,
    table_name,
    text_encoding,
)
from costwire_cli.quarantine_arguments import add_quarantine
from costwire_cli.topology_arguments import add_topology


class _Version(argparse.Action):
    """Looks the version up when it is asked for, which takes as long as the grammar does."""

    def __call__(self, parser: argparse.ArgumentParser, *_args: object) -> NoReturn:
        from importlib.metadata import version

        sys.stdout.write(f"costwire {version('costwire')}\n")
        parser.exit()


def parser() -> argparse.ArgumentParser:
    """The whole grammar; the chosen command's module is `commands.<args.command>`."""
    root = argparse.ArgumentParser(
        prog="costwire", description="From a FOCUS report to exact, queryable costs."
    )
    root.add_argument("--version", action=_Version, nargs=0, help="say which version this is")
    commands = root.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for add in (
        _run,
        _sql,
        _ask,
        _ledger,
        _deliveries,
        add_quarantine,
        _validate,
        _sample,
        _demo,
        _user,
        _audit,
        _adopt,
        add_export,
        add_invoices,
        _erase,
        add_costs,
        add_diff,
        add_rates,
        add_topology,
    ):
        add(commands)
    return root


def _run(commands: Subparsers) -> None:
    command = commands.add_parser(
        "run", help="deliver reports into the store", description="Deliver reports into the store."
    )
    command.add_argument(
        "sources", nargs="+", metavar="SOURCE", help="file, folder, glob, URL or bucket"
    )
    command.add_argument("--table", type=table_name, default="charges", help="(default: charges)")
    command.add_argument("--source", metavar="NAME", help="name of the one SOURCE in the ledger")
    command.add_argument(
        "--period",
        action="append",
        type=month,
        metavar="YYYY-MM",
        help="billing month that the report is the whole of; may be repeated",
    )
    command.add_argument(
        "--mode",
        choices=("replace", "append"),
        default="replace",
        help="replace what the report is the new state of (default), or append",
    )
    command.add_argument(
        "--dry-run", action="store_true", help="show what would be done, change nothing"
    )
    command.add_argument(
        "--once", action="store_true", help="end after the delivery; services take free ports"
    )
    _reading(command)
    add_store(command)


def _sql(commands: Subparsers) -> None:
    command = commands.add_parser("sql", help="ask the store", description="Ask the store in SQL.")
    command.add_argument(
        "statement", metavar="STATEMENT", help='e.g. "SELECT count(*) FROM charges"'
    )
    add_format(command, "table", "csv", "json")
    add_store(command)


def _ask(commands: Subparsers) -> None:
    command = commands.add_parser(
        "ask",
        help="ask the store a question of the FOCUS catalogue",
        description="Named questions, with their SQL.",
    )
    actions = command.add_subparsers(dest="action", required=True, metavar="ACTION")
    listing = actions.add_parser("list", help="every question")
    show = actions.add_parser("show", help="one question: its parameters, columns and SQL")
    ask = actions.add_parser("run", help="ask one question")
    for action in (show, ask):
        action.add_argument("name", metavar="NAME", help="as in: costwire ask list")
    ask.add_argument("--table", type=table_name, default="charges", help="table (default: charges)")
    ask.add_argument(
        "--param",
        action="append",
        type=assignment,
        default=[],
        metavar="NAME=VALUE",
        help="value of a parameter; may be repeated",
    )
    add_format(listing, "table", "json")
    add_format(show, "table", "json")
    add_format(ask, "table", "csv", "json")
    for action in (listing, show, ask):
        add_store(action)


def _ledger(commands: Subparsers) -> None:
    command = commands.add_parser(
        "ledger", help="list every delivery", description="List every delivery, oldest first."
    )
    command.add_argument("--table", type=table_name, help="only deliveries into this table")
    add_format(command, "table", "json")
    add_store(command)


def _deliveries(commands: Subparsers) -> None:
    command = commands.add_parser(
        "deliveries", help="look at deliveries, decide about held ones", description="Deliveries."
    )
    actions = command.add_subparsers(dest="action", required=True, metavar="ACTION")
    listing = actions.add_parser("list", help="every delivery")
    listing.add_argument("--table", type=table_name, help="only deliveries into this table")
    add_format(listing, "table", "json")
    add_store(listing)
    for name, what in (
        ("show", "one delivery, with its findings and quarantined rows"),
        ("accept", "make a held delivery visible"),
        ("reject", "put a held delivery away"),
    ):
        action = actions.add_parser(name, help=what)
        action.add_argument("commit", metavar="COMMIT", help="number of the delivery")
        add_format(action, "table", "json")
        add_store(action)


def _validate(commands: Subparsers) -> None:
    command = commands.add_parser(
        "validate",
        help="check a report, store nothing",
        description="Check a report against the rules of FOCUS; nothing is stored.",
    )
    command.add_argument("source", metavar="SOURCE", help="file, folder, glob, URL or bucket")
    add_format(command, "table", "json", "sarif", "junit")
    command.add_argument(
        "--min-grade",
        choices=("unusable", "violation", "advice"),
        default="advice",
        help="tell and count only findings of this grade and graver (default: advice, all)",
    )
    _reading(command)
    add_store(command)


def _sample(commands: Subparsers) -> None:
    command = commands.add_parser(
        "sample", help="write reports of a made-up estate", description="Write sample reports."
    )
    command.add_argument("--rows", type=at_least(1), default=10_000, help="charges in all")
    command.add_argument("--seed", type=at_least(0), default=1, help="same seed, same bytes")
    command.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder to write")
    command.add_argument(
        "--focus-version", choices=("1.0", "1.1", "1.2", "1.3", "1.4"), help="of all reports"
    )
    command.add_argument(
        "--days",
        type=at_least(1),
        metavar="N",
        help="each report as its provider delivers it on N days, a folder a day",
    )
    command.add_argument(
        "--whole",
        action="store_true",
        help="with --days: all of the month from the first day on, 1 %% changed each day",
    )
    add_store(command)


def _demo(commands: Subparsers) -> None:
    command = commands.add_parser(
        "demo",
        help="the whole pipeline on sample data",
        description="Make sample reports, deliver them, show the ledger, three queries, and "
        "three made-up clusters with what they cost.",
    )
    add_store(command)


def _user(commands: Subparsers) -> None:
    command = commands.add_parser("user", help="users of the store", description="Users.")
    actions = command.add_subparsers(dest="action", required=True, metavar="ACTION")
    add = actions.add_parser(
        "add", help="add a user; the password is asked for, or read from stdin"
    )
    add.add_argument("name", metavar="NAME")
    add.add_argument(
        "--role", choices=("admin", "writer", "reader"), default="reader", help="(default: reader)"
    )
    change = actions.add_parser(
        "change", help="give a user another role and other rights; the password stays"
    )
    change.add_argument("name", metavar="NAME")
    change.add_argument("--role", choices=("admin", "writer", "reader"), required=True)
    for action in (add, change):
        _rights(action)
    remove = actions.add_parser("remove", help="remove a user")
    remove.add_argument("name", metavar="NAME")
    listing = actions.add_parser("list", help="list users, their roles and rights")
    add_format(listing, "table", "json")
    for action in (add, change, remove, listing):
        add_store(action)


def _rights(action: argparse.ArgumentParser) -> None:
    action.add_argument(
        "--read",
        metavar="TABLE",
        action="append",
        help="a table of charges that the user reads, * for all; may be repeated (default: all)",
    )
    action.add_argument(
        "--write",
        metavar="TABLE",
        action="append",
        help="a table that a writer delivers to and reads; may be repeated (default: all)",
    )
    action.add_argument(
        "--where",
        metavar="CONDITION",
        default="",
        help="the charges that a reader sees: \"SubAccountId = '123' AND Tags['team'] = 'a'\"",
    )


def _audit(commands: Subparsers) -> None:
    command = commands.add_parser(
        "audit",
        help="who signed in, decided, erased, exported and gave rights",
        description="The audit log.",
    )
    actions = command.add_subparsers(dest="action", required=True, metavar="ACTION")
    listing = actions.add_parser("list", help="the entries, oldest first")
    add_format(listing, "table", "json")
    verify = actions.add_parser(
        "verify", help="whether no entry was changed, taken out or put in; else status 1"
    )
    verify.add_argument(
        "--head", metavar="N:HASH", help="a head that was told before, and has to be in the log"
    )
    for action in (listing, verify):
        add_store(action)


def _adopt(commands: Subparsers) -> None:
    command = commands.add_parser(
        "adopt",
        help="take over a cost table that the original handler made in CrateDB",
        description="Copy a cost table of the original handler into a versioned one, as one "
        "delivery; the old table stays, as TABLE__original.",
    )
    command.add_argument("--table", type=table_name, required=True, help="the table's name")
    add_format(command, "table", "json")
    add_store(command)


def _erase(commands: Subparsers) -> None:
    command = commands.add_parser(
        "erase",
        help="remove charges from every version, for good",
        description="Remove the charges of a condition from every version, current, closed and "
        "held, for good; the ledger says how many and still balances.",
    )
    command.add_argument("--table", type=table_name, required=True, help="the table's name")
    command.add_argument(
        "--where",
        required=True,
        metavar="CONDITION",
        help="which charges, e.g. \"Tags['person'] = 'x'\"",
    )
    command.add_argument("--reason", metavar="TEXT", help="why; it stays in the ledger")
    command.add_argument(
        "--quarantine",
        action="store_true",
        help="also empty all quarantined rows of the table; they keep place and rule",
    )
    command.add_argument(
        "--dry-run", action="store_true", help="show what would be erased, change nothing"
    )
    command.add_argument("--yes", action="store_true", help="ask no question")
    add_format(command, "table", "json")
    add_store(command)


def _reading(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--currency", type=currency_code, metavar="CODE", help="currency of charges that name none"
    )
    command.add_argument(
        "--dates",
        choices=("mdy", "dmy"),
        help="order of dates such as 9/1/24, which is not guessed",
    )
    command.add_argument(
        "--focus-version",
        choices=("1.0", "1.1", "1.2", "1.3", "1.4"),
        help="of the report (default: found from its columns)",
    )
    command.add_argument(
        "--layout",
        choices=("auto", "none", "aws", "azure", "partitions", "daily"),
        default="auto",
        help="how the folder is laid out (default: found out); none is a plain folder",
    )
    command.add_argument(
        "--encoding",
        type=text_encoding,
        help="of text that is not UTF-8 and shows no sign of what it is, e.g. windows-1252",
    )
    command.add_argument(
        "--map-legacy",
        action="store_true",
        help="give columns named as in drafts before FOCUS 1.0 their present names",
    )
    command.add_argument(
        "--anonymous", action="store_true", help="read a public bucket without credentials"
    )
    command.add_argument(
        "--instance-metadata",
        action="store_true",
        help="let this machine's metadata address give the credentials for a bucket",
    )
