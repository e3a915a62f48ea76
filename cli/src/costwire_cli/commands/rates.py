"""`costwire rates`: the exchange rates that costs are converted with."""

from __future__ import annotations

import sys
from argparse import Namespace
from pathlib import Path

from costwire_cli.costs_view import rates_grid
from costwire_cli.errors import SETTLED, CommandError
from costwire_cli.grid import laid_out
from costwire_cli.output import say, terminal_width, write_csv, write_json
from costwire_cli.store import open_store
from costwire_cli.summary import counted

_STANDARD_INPUT = Path("-")
_FIELDS = ("month", "from", "to", "rate", "source", "frozen")
_MOST_BYTES = 1 << 20


def run(args: Namespace) -> int:
    """Do what the action says."""
    if args.action == "list":
        _list(args)
        return SETTLED
    sheet = _read(args.file)
    with open_store(args) as api:
        told = api.set_rates(sheet)
    if args.format == "json":
        write_json(told)
    else:
        say(f"{counted(told['rates'], 'rate')} read, {told['changed']:,} changed")
    return SETTLED


def _list(args: Namespace) -> None:
    with open_store(args) as api:
        rates = api.rates()
    if args.format == "json":
        write_json({"rates": rates})
    elif args.format == "csv":
        write_csv(_FIELDS, ([rate[name] for name in _FIELDS] for rate in rates))
    elif not rates:
        say("no rates yet: costwire rates set FILE, with the columns month,from,to,rate,source")
    else:
        for line in laid_out(rates_grid(rates), terminal_width()):
            say(line)


def _read(path: Path) -> bytes:
    try:
        if path == _STANDARD_INPUT:
            return sys.stdin.buffer.read(_MOST_BYTES + 1)
        with path.open("rb") as file:
            return file.read(_MOST_BYTES + 1)
    except OSError as error:
        raise CommandError(f"read {path}: {error.strerror}") from error
