"""`costwire costs`: what costs were, grouped, as of any moment."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Iterator

from costwire_cli.answering import SHOWN, Rows, blocks, period, scope, write_document
from costwire_cli.costs_view import costs_lines
from costwire_cli.errors import SETTLED
from costwire_cli.output import show, terminal_width, write_csv
from costwire_cli.store import open_store

_NARROWING = ("from", "to", "filter", "currency")


def run(args: Namespace) -> int:
    """Ask, and write what is answered."""
    params = parameters(args)
    with open_store(args) as api:
        if args.format == "table":
            first, found = blocks(api.costs, params, args.limit or SHOWN)
            asked = {name: params[name] for name in _NARROWING if name in params}
            for line in costs_lines(first, found, asked, terminal_width()):
                show(line)
            return SETTLED
        rows = Rows(api.costs, params, args.limit)
        if args.format == "json":
            write_document(rows)
        else:
            write_csv(*_sheet(rows))
    return SETTLED


def parameters(args: Namespace) -> dict[str, str]:
    """The parameters of `GET /costs`."""
    target = getattr(args, "in")
    return scope(args) | period(args) | ({"in": target} if target else {})


def _sheet(rows: Rows) -> tuple[list[str], Iterator[list[str | None]]]:
    """Header and lines of the CSV form: what the handler's own has."""
    first = rows.first
    headers = [*first["by"], "currency", "charges", *first["metrics"]]
    if "in" in first:
        headers += [f"{name} in {first['in']['currency']}" for name in first["metrics"]]
    lines = (
        [
            *row["by"].values(),
            row["currency"],
            str(row["charges"]),
            *row["sums"].values(),
            *row.get("converted", {}).values(),
        ]
        for row in rows
    )
    return headers, lines
