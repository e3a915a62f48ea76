"""`costwire erase`: remove charges from every version, for good."""

from __future__ import annotations

import sys
from argparse import Namespace
from collections.abc import Mapping
from typing import Any

from costwire_cli.errors import SETTLED, WRONG_USE, CommandError
from costwire_cli.handler_api import ERASE_SECONDS, HandlerApi
from costwire_cli.kept import Kept
from costwire_cli.output import say, write_json, write_table
from costwire_cli.store import open_store

_TABLES_SHOWN = 10


def run(args: Namespace) -> int:
    """Say what would go, ask, and erase."""
    if not args.where.strip():
        raise CommandError("erase: say which charges with --where", status=WRONG_USE)
    with open_store(args, ERASE_SECONDS) as api:
        if args.dry_run:
            return _told(args, _erase(api, args, dry_run=True))
        if not args.yes:
            _ask(_erase(api, args, dry_run=True), args.table)
        status = _told(args, _erase(api, args, dry_run=False))
    _forget_renderings(args)
    return status


def _forget_renderings(args: Namespace) -> None:
    """Remove what `costwire run` has rendered into the data folder, and tell what stays."""
    for folder in Kept(args.data).remove_all() if args.store is None else ():
        sys.stderr.write(
            f"note: {folder} may still hold these charges and is in use: end the costwire run that "
            "uses it, and remove the folder\n"
        )


def _erase(api: HandlerApi, args: Namespace, *, dry_run: bool) -> dict[str, Any]:
    return api.erase(
        args.table, args.where, reason=args.reason, quarantine=args.quarantine, dry_run=dry_run
    )


def _ask(tried: Mapping[str, Any], table: str) -> None:
    rows = tried["entry"]["rows"]["erased"]
    sys.stderr.write(f"erase {rows:,} charges from every version of {table}, for good? Type yes: ")
    sys.stderr.flush()
    if sys.stdin.readline().strip() != "yes":
        raise CommandError("erase: not confirmed, nothing was changed; --yes asks no question")


def _told(args: Namespace, answer: Mapping[str, Any]) -> int:
    if args.format == "json":
        write_json(answer)
        return SETTLED
    entry, dry_run = answer["entry"], answer["dryRun"]
    would = "would be " if dry_run else ""
    number = "" if dry_run else f" (entry {entry['commit']} of the ledger)"
    say(f"{entry['rows']['erased']:,} charges {would}erased from {entry['table']}{number}")
    for currency, columns in entry["sums"].items():
        figures = [f"{name} {line['erased']}" for name, line in columns.items() if line is not None]
        say(f"  {currency}  {'  '.join(figures)}")
    if answer["deliveries"]:
        say()
        write_table(
            ["delivery", "source", "state", "erased"],
            [
                [str(each["commit"]), each["source"], each["state"], f"{each['erased']:,}"]
                for each in answer["deliveries"]
            ],
            [True, False, False, True],
        )
    _notes(answer, dry_run=dry_run)
    return SETTLED


def _notes(answer: Mapping[str, Any], *, dry_run: bool) -> None:
    would = "would be " if dry_run else ""
    say()
    if answer["aborted"]:
        commits = ", ".join(map(str, answer["aborted"]))
        say(f"open deliveries that {would or 'were '}given up: {commits}; deliver them anew")
    if answer["quarantined"]:
        say(f"{answer['quarantined']:,} quarantined rows {would or 'were '}emptied")
    if elsewhere := answer["elsewhere"]:
        more = "" if len(elsewhere) <= _TABLES_SHOWN else f" and {len(elsewhere) - _TABLES_SHOWN}"
        named = ", ".join(elsewhere[:_TABLES_SHOWN])
        say(f"not looked at, and may hold copies: the tables {named}{more}")
    say(f"note: {answer['note']}")
    if dry_run:
        say("nothing was changed; leave --dry-run out to erase")
