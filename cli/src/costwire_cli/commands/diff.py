"""`costwire diff`: what changed between two moments, and why."""

from __future__ import annotations

import json
from argparse import Namespace
from collections.abc import Iterator

from costwire_cli.answering import SHOWN, Rows, blocks, moment, scope, write_document
from costwire_cli.diff_view import diff_lines
from costwire_cli.errors import SETTLED
from costwire_cli.output import show, terminal_width, write_csv
from costwire_cli.store import open_store

_NARROWING = ("filter", "currency")


def run(args: Namespace) -> int:
    """Ask, and write what is answered."""
    params = scope(args) | {"from": moment(args.begin)}
    if end := moment(args.end):
        params["to"] = end
    with open_store(args) as api:
        if args.format == "table":
            first, found = blocks(api.changes, params, args.limit or SHOWN)
            asked = {name: params[name] for name in _NARROWING if name in params}
            for line in diff_lines(first, found, asked, terminal_width()):
                show(line)
            return SETTLED
        rows = Rows(api.changes, params, args.limit)
        if args.format == "json":
            write_document(rows)
        else:
            write_csv(*_sheet(rows))
    return SETTLED


def _sheet(rows: Rows) -> tuple[list[str], Iterator[list[str | None]]]:
    """Header and lines of the CSV form: one for each group and reason, as the handler's own."""
    first = rows.first
    headers = [*first["by"], "currency", "change", "added", "removed"]
    headers += [*(f"{name} difference" for name in first["metrics"]), "columns"]
    lines = (
        [
            *row["by"].values(),
            row["currency"],
            kind,
            str(part["added"]),
            str(part["removed"]),
            *part["difference"].values(),
            json.dumps(part["columns"]) if part.get("columns") else None,
        ]
        for row in rows
        for kind, part in row["changes"].items()
    )
    return headers, lines
