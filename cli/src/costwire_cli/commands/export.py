"""`costwire export`: a table as of any moment as a FOCUS report again."""

from __future__ import annotations

import sys
from argparse import Namespace

from costwire_cli.answering import period, scope
from costwire_cli.errors import SETTLED, CommandError
from costwire_cli.handler_api import EXPORT_SECONDS
from costwire_cli.output import say
from costwire_cli.store import open_store
from costwire_cli.whole_file import write_whole


def run(args: Namespace) -> int:
    """Write the report; a file appears whole or not at all."""
    if args.out is None and args.format == "parquet":
        raise CommandError("export: parquet is written to a file; name it with --out", status=2)
    asked = scope(args) | period(args) | {"format": args.format, "source": args.source or ""}
    with open_store(args, EXPORT_SECONDS) as api, api.export(asked) as export:
        if args.out is None:
            sys.stdout.buffer.writelines(export.pieces)
            sys.stdout.buffer.flush()
            return SETTLED
        write_whole(args.out, export.pieces)
    say(f"{export.charges:,} charges as of commit {export.commit} written to {args.out}")
    return SETTLED
