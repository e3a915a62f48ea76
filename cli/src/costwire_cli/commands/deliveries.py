"""`costwire deliveries`: look at deliveries, accept or reject held ones."""

from __future__ import annotations

import base64
from argparse import Namespace
from typing import Any

from costwire_cli.commands import ledger
from costwire_cli.errors import SETTLED
from costwire_cli.output import say, write_json, write_table
from costwire_cli.store import data_option, open_store
from costwire_cli.summary import summary

ROWS_SHOWN = 20
_RAW_SHOWN = 60


def run(args: Namespace) -> int:
    """Do what the action says."""
    if args.action == "list":
        return ledger.run(args)
    rows: list[dict[str, Any]] = []
    with open_store(args) as api:
        if args.action == "show":
            entry = api.delivery(args.commit)
            if entry["rows"].get("quarantined"):
                rows = api.quarantined_rows(args.commit, ROWS_SHOWN)
        else:
            entry = api.decide(args.commit, args.action)
    if args.format == "json":
        write_json(entry)
        return SETTLED
    hint = f" --store {args.store}" if args.store else data_option(args.data)
    for line in summary(entry, hint, with_decisions=True):
        say(line)
    if rows:
        _write_quarantine(rows, entry["rows"]["quarantined"])
    return SETTLED


def _write_quarantine(rows: list[dict[str, Any]], in_all: int) -> None:
    say()
    say(f"quarantined rows ({len(rows)} of {in_all:,} shown)")
    write_table(
        ["file", "line", "column", "rule", "reason", "row"],
        [
            [
                row["file"],
                str(row["line"]),
                row.get("column") or "",
                row["rule"],
                row["reason"],
                _shortened(row["raw"]),
            ]
            for row in rows
        ],
        [False, True],
    )


def _shortened(raw: str) -> str:
    text = base64.b64decode(raw).decode("utf-8", "replace")
    return text if len(text) <= _RAW_SHOWN else text[: _RAW_SHOWN - 3] + "..."
