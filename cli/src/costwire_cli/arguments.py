"""The grammar of the command line; imports nothing heavy, so that `--help` answers at once."""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import TypeAlias

DEFAULT_DATA = Path("costwire-data")
_TABLE = re.compile(r"[a-z][a-z0-9_]{0,62}")
_PERIOD = re.compile(r"[0-9]{4}-(0[1-9]|1[0-2])")
_AGO = re.compile(r"-[0-9]+(\.[0-9]+)?d?")
_Subparsers: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"


def parser() -> argparse.ArgumentParser:
    """The whole grammar; the chosen command's module is `commands.<args.command>`."""
    root = argparse.ArgumentParser(
        prog="costwire", description="From a FOCUS report to exact, queryable costs."
    )
    root.add_argument("--version", action="version", version=f"costwire {version('costwire')}")
    commands = root.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for add in (
        _run,
        _sql,
        _ask,
        _ledger,
        _deliveries,
        _validate,
        _sample,
        _demo,
        _user,
        _adopt,
        _export,
        _invoices,
        _erase,
        _costs,
        _diff,
        _rates,
    ):
        add(commands)
    return root


def _run(commands: _Subparsers) -> None:
    command = commands.add_parser(
        "run", help="deliver reports into the store", description="Deliver reports into the store."
    )
    command.add_argument("sources", nargs="+", metavar="SOURCE", help="file, folder, glob or URL")
    command.add_argument("--table", type=_table, default="charges", help="table (default: charges)")
    command.add_argument("--source", metavar="NAME", help="name of the one SOURCE in the ledger")
    command.add_argument(
        "--period",
        action="append",
        type=_period,
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
    _store(command)


def _sql(commands: _Subparsers) -> None:
    command = commands.add_parser("sql", help="ask the store", description="Ask the store in SQL.")
    command.add_argument(
        "statement", metavar="STATEMENT", help='e.g. "SELECT count(*) FROM charges"'
    )
    _format(command, "table", "csv", "json")
    _store(command)


def _ask(commands: _Subparsers) -> None:
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
    ask.add_argument("--table", type=_table, default="charges", help="table (default: charges)")
    ask.add_argument(
        "--param",
        action="append",
        type=_assignment,
        default=[],
        metavar="NAME=VALUE",
        help="value of a parameter; may be repeated",
    )
    _format(listing, "table", "json")
    _format(show, "table", "json")
    _format(ask, "table", "csv", "json")
    for action in (listing, show, ask):
        _store(action)


def _costs(commands: _Subparsers) -> None:
    command = commands.add_parser(
        "costs",
        help="what costs were, as of any moment",
        description="What costs were, grouped, as of any moment; each currency by itself.",
    )
    _scope(command)
    for option, what in (
        ("from", "first billing month (2024-09), or time from which charges begin"),
        ("to", "first billing month, or time, that is not asked for"),
        ("as-of", "as readers saw it: a delivery's number or id, a time, yesterday, -7d"),
        ("in", "currency to convert to, with the rates of `costwire rates`"),
    ):
        command.add_argument(f"--{option}", dest=option.replace("-", "_"), metavar="X", help=what)
    _store(command)


def _diff(commands: _Subparsers) -> None:
    moment = "a delivery's number or id, a time, yesterday, -7d; a day is its end"
    command = commands.add_parser(
        "diff",
        help="what changed between two moments, and why",
        description="What changed between two moments, and why; it adds up to the last digit.",
    )
    command.add_argument("begin", metavar="FROM", help=moment)
    command.add_argument("end", nargs="?", metavar="TO", help="the same (default: now)")
    _scope(command)
    _store(command)


def _scope(command: argparse.ArgumentParser) -> None:
    """What `costs` and `diff` have in common."""
    # Else `-7d` would be taken for an option.
    command._negative_number_matcher = _AGO
    command.add_argument("--table", type=_table, default="charges", help="table (default: charges)")
    for option, what in (
        ("by", "columns, tags, month, day: ServiceName,Tags.env,month"),
        ("metric", "cost columns (default: BilledCost)"),
        ("filter", "condition: \"ServiceName = 'Compute' AND Tags['env'] IN ('dev', 'test')\""),
        ("currency", "billing currencies (default: all)"),
    ):
        command.add_argument(f"--{option}", metavar="X", help=what)
    command.add_argument(
        "--limit",
        type=_at_least(1),
        metavar="N",
        help="most groups of each currency in a table (default: 50), in all in json and csv "
        "(default: all)",
    )
    _format(command, "table", "json", "csv")


def _rates(commands: _Subparsers) -> None:
    command = commands.add_parser(
        "rates",
        help="exchange rates that costs are converted with",
        description="Exchange rates, month by month.",
    )
    actions = command.add_subparsers(dest="action", required=True, metavar="ACTION")
    put = actions.add_parser("set", help="keep the rates of a CSV file")
    put.add_argument(
        "file", type=Path, metavar="FILE", help="month,from,to,rate,source; - is standard input"
    )
    listing = actions.add_parser("list", help="every rate")
    _format(put, "table", "json")
    _format(listing, "table", "json", "csv")
    for action in (put, listing):
        _store(action)


def _ledger(commands: _Subparsers) -> None:
    command = commands.add_parser(
        "ledger", help="list every delivery", description="List every delivery, oldest first."
    )
    command.add_argument("--table", type=_table, help="only deliveries into this table")
    _format(command, "table", "json")
    _store(command)


def _deliveries(commands: _Subparsers) -> None:
    command = commands.add_parser(
        "deliveries", help="look at deliveries, decide about held ones", description="Deliveries."
    )
    actions = command.add_subparsers(dest="action", required=True, metavar="ACTION")
    listing = actions.add_parser("list", help="every delivery")
    listing.add_argument("--table", type=_table, help="only deliveries into this table")
    _format(listing, "table", "json")
    _store(listing)
    for name, what in (
        ("show", "one delivery, with its findings and quarantined rows"),
        ("accept", "make a held delivery visible"),
        ("reject", "put a held delivery away"),
    ):
        action = actions.add_parser(name, help=what)
        action.add_argument("commit", metavar="COMMIT", help="number of the delivery")
        _format(action, "table", "json")
        _store(action)


def _validate(commands: _Subparsers) -> None:
    command = commands.add_parser(
        "validate",
        help="check a report, store nothing",
        description="Check a report against the rules of FOCUS; nothing is stored.",
    )
    command.add_argument("source", metavar="SOURCE", help="file, folder, glob or URL")
    _format(command, "table", "json")
    _reading(command)
    _store(command)


def _sample(commands: _Subparsers) -> None:
    command = commands.add_parser(
        "sample", help="write reports of a made-up estate", description="Write sample reports."
    )
    command.add_argument("--rows", type=_at_least(1), default=10_000, help="charges in all")
    command.add_argument("--seed", type=_at_least(0), default=1, help="same seed, same bytes")
    command.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder to write")
    command.add_argument(
        "--focus-version", choices=("1.0", "1.1", "1.2", "1.3", "1.4"), help="of all reports"
    )
    command.add_argument(
        "--days",
        type=_at_least(1),
        metavar="N",
        help="each report as its provider delivers it on N days, a folder a day",
    )
    command.add_argument(
        "--whole",
        action="store_true",
        help="with --days: all of the month from the first day on, 1 %% changed each day",
    )
    _store(command)


def _demo(commands: _Subparsers) -> None:
    command = commands.add_parser(
        "demo",
        help="the whole pipeline on sample data",
        description="Make sample reports, deliver them, show the ledger and three queries.",
    )
    _store(command)


def _user(commands: _Subparsers) -> None:
    command = commands.add_parser("user", help="users of the store", description="Users.")
    actions = command.add_subparsers(dest="action", required=True, metavar="ACTION")
    add = actions.add_parser(
        "add", help="add a user; the password is asked for, or read from stdin"
    )
    add.add_argument("name", metavar="NAME")
    add.add_argument(
        "--role", choices=("admin", "writer", "reader"), default="reader", help="(default: reader)"
    )
    remove = actions.add_parser("remove", help="remove a user")
    remove.add_argument("name", metavar="NAME")
    listing = actions.add_parser("list", help="list users and their roles")
    _format(listing, "table", "json")
    for action in (add, remove, listing):
        _store(action)


def _export(commands: _Subparsers) -> None:
    command = commands.add_parser(
        "export",
        help="write a table as of any moment as a FOCUS report",
        description="Write a table as of any moment as a FOCUS report, which delivered anew "
        "changes nothing.",
    )
    _asking(command)
    command.add_argument("--source", metavar="NAME", help="only what this source delivered")
    command.add_argument("--out", type=Path, metavar="FILE", help="(default: standard output)")
    command.add_argument("--format", choices=("csv", "parquet"), default="csv", help="(csv)")
    _store(command)


def _invoices(commands: _Subparsers) -> None:
    command = commands.add_parser(
        "invoices",
        help="what each invoice adds up to, also beside a list of totals",
        description="What each invoice adds up to, as of each delivery that changed it; with "
        "--against beside a list of totals, and status 5 where they differ.",
    )
    _asking(command)
    command.add_argument(
        "--against",
        type=Path,
        metavar="FILE",
        help="CSV with InvoiceId, BillingCurrency, BilledCost; also InvoiceIssuerName, "
        "BillingMonth",
    )
    _format(command, "table", "json", "csv")
    _store(command)


def _asking(command: argparse.ArgumentParser) -> None:
    """Which charges a question is about."""
    command.add_argument("--table", type=_table, default="charges", help="(default: charges)")
    command.add_argument(
        "--as-of", metavar="WHEN", help="a commit number, a delivery's id, a day or a time"
    )
    command.add_argument(
        "--from", dest="begin", metavar="WHEN", help="first billing month, or time of charges"
    )
    command.add_argument("--to", dest="end", metavar="WHEN", help="where they end, not included")
    command.add_argument(
        "--filter",
        metavar="CONDITION",
        help="e.g. \"ServiceName = 'Compute' AND Tags.env = 'dev'\"",
    )
    command.add_argument("--currency", metavar="CODES", help="billing currencies, e.g. USD,EUR")


def _adopt(commands: _Subparsers) -> None:
    command = commands.add_parser(
        "adopt",
        help="take over a cost table that the original handler made in CrateDB",
        description="Copy a cost table of the original handler into a versioned one, as one "
        "delivery; the old table stays, as TABLE__original.",
    )
    command.add_argument("--table", type=_table, required=True, help="the table's name")
    _format(command, "table", "json")
    _store(command)


def _erase(commands: _Subparsers) -> None:
    command = commands.add_parser(
        "erase",
        help="remove charges from every version, for good",
        description="Remove the charges of a condition from every version, current, closed and "
        "held, for good; the ledger says how many and still balances.",
    )
    command.add_argument("--table", type=_table, required=True, help="the table's name")
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
    _format(command, "table", "json")
    _store(command)


def _store(command: argparse.ArgumentParser) -> None:
    where = command.add_mutually_exclusive_group()
    where.add_argument(
        "--data",
        type=Path,
        default=DEFAULT_DATA,
        metavar="DIR",
        help="folder of the embedded store (default: ./costwire-data)",
    )
    where.add_argument(
        "--store",
        type=_url,
        metavar="URL",
        help="a running database handler, e.g. https://user:password@host:8088",
    )


def _format(command: argparse.ArgumentParser, *choices: str) -> None:
    command.add_argument("--format", choices=choices, default="table", help="(default: table)")


def _reading(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--currency", type=_currency, metavar="CODE", help="currency of charges that name none"
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


def _matching(pattern: re.Pattern[str], what: str) -> Callable[[str], str]:
    def read(text: str) -> str:
        if not pattern.fullmatch(text):
            raise argparse.ArgumentTypeError(f"{text!r} is not {what}")
        return text

    return read


_table = _matching(_TABLE, "a table name (lower-case letters, digits, _)")
_period = _matching(_PERIOD, "a month such as 2024-09")
_currency = _matching(re.compile("[A-Z]{3}"), "a currency code such as USD")
_url = _matching(re.compile(r"https?://.+"), "an http:// or https:// address")


def _assignment(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not name or not equals:
        raise argparse.ArgumentTypeError(f"{text!r} is not of the form name=value")
    return name, value


def _at_least(minimum: int) -> Callable[[str], int]:
    def read(text: str) -> int:
        digits = text.replace("_", "")
        if not digits.isdecimal() or int(digits) < minimum:
            raise argparse.ArgumentTypeError(f"{text!r} is not a number from {minimum} on")
        return int(digits)

    return read
