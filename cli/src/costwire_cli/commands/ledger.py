"""`costwire ledger`: every delivery, oldest first."""

from __future__ import annotations

from argparse import Namespace

from costwire_cli.errors import SETTLED
from costwire_cli.output import write_json
from costwire_cli.store import open_store
from costwire_cli.summary import write_ledger


def run(args: Namespace) -> int:
    """List the deliveries."""
    with open_store(args) as api:
        entries = api.deliveries(args.table)
    if args.format == "json":
        write_json({"deliveries": entries})
    else:
        write_ledger(entries)
    return SETTLED
