"""The grammar of `costs`, `diff`, `export`, `invoices` and `rates`."""

from __future__ import annotations

import argparse
import re
from pathlib import Path

from costwire_cli.options import Subparsers, add_format, add_store, at_least, table_name

_AGO = re.compile(r"-[0-9]+(\.[0-9]+)?d?")


def add_costs(commands: Subparsers) -> None:
    """What costs were."""
    command = commands.add_parser(
        "costs",
        help="what costs were, as of any moment",
        description="What costs were, grouped, as of any moment; each currency by itself.",
    )
    _scope(command)
    _period(command)
    _options(command, ("in", "currency to convert to, with the rates of `costwire rates`"))
    add_store(command)


def add_export(commands: Subparsers) -> None:
    """A table as a report."""
    command = commands.add_parser(
        "export",
        help="write a table as of any moment as a FOCUS report",
        description="Write a table as of any moment as a FOCUS report, which delivered anew "
        "changes nothing.",
    )
    _charges(command)
    _period(command)
    command.add_argument("--source", metavar="NAME", help="only what this source delivered")
    command.add_argument("--out", type=Path, metavar="FILE", help="(default: standard output)")
    command.add_argument("--format", choices=("csv", "parquet"), default="csv", help="(csv)")
    add_store(command)


def add_invoices(commands: Subparsers) -> None:
    """What invoices add up to."""
    command = commands.add_parser(
        "invoices",
        help="what each invoice adds up to, also beside a list of totals",
        description="What each invoice adds up to, as of each delivery that changed it; with "
        "--against beside a list of totals, and status 5 where they differ.",
    )
    _charges(command)
    _period(command)
    command.add_argument(
        "--against",
        type=Path,
        metavar="FILE",
        help="CSV with InvoiceId, BillingCurrency, BilledCost; also InvoiceIssuerName, "
        "BillingMonth",
    )
    add_format(command, "table", "json", "csv")
    add_store(command)


def add_diff(commands: Subparsers) -> None:
    """What changed."""
    moment = "a delivery's number or id, a time, yesterday, -7d; a day is its end"
    command = commands.add_parser(
        "diff",
        help="what changed between two moments, and why",
        description="What changed between two moments, and why; it adds up to the last digit.",
    )
    command.add_argument("begin", metavar="FROM", help=moment)
    command.add_argument("end", nargs="?", metavar="TO", help="the same (default: now)")
    _scope(command)
    add_store(command)


def _charges(command: argparse.ArgumentParser) -> None:
    """Which charges a question is about."""
    # Else `-7d` would be taken for an option.
    command._negative_number_matcher = _AGO
    command.add_argument("--table", type=table_name, default="charges", help="(default: charges)")
    _options(
        command,
        ("filter", "condition: \"ServiceName = 'Compute' AND Tags['env'] IN ('dev', 'test')\""),
        ("currency", "billing currencies (default: all)"),
    )


def _period(command: argparse.ArgumentParser) -> None:
    """Which time a question is about, and as of when."""
    _options(
        command,
        ("from", "first billing month (2024-09), or time from which charges begin"),
        ("to", "first billing month, or time, that is not asked for"),
        ("as-of", "as readers saw it: a delivery's number or id, a time, yesterday, -7d"),
    )


def _options(command: argparse.ArgumentParser, *options: tuple[str, str]) -> None:
    for option, what in options:
        command.add_argument(f"--{option}", dest=option.replace("-", "_"), metavar="X", help=what)


def _scope(command: argparse.ArgumentParser) -> None:
    """What `costs` and `diff` have in common."""
    _charges(command)
    _options(
        command,
        ("by", "columns, tags, month, day: ServiceName,Tags.env,month"),
        ("metric", "cost columns (default: BilledCost)"),
    )
    command.add_argument(
        "--limit",
        type=at_least(1),
        metavar="N",
        help="most groups of each currency in a table (default: 50), in all in json and csv "
        "(default: all)",
    )
    add_format(command, "table", "json", "csv")


def add_rates(commands: Subparsers) -> None:
    """What currencies are worth."""
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
    add_format(put, "table", "json")
    add_format(listing, "table", "json", "csv")
    for action in (put, listing):
        add_store(action)
