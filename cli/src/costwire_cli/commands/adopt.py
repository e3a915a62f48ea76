"""`costwire adopt`: take over a cost table that the original handler made in CrateDB."""

from __future__ import annotations

from argparse import Namespace

from costwire_cli.errors import SETTLED, WRONG_USE, CommandError
from costwire_cli.handler_api import ADOPT_SECONDS, open_api
from costwire_cli.output import say, write_json
from costwire_cli.store import connected
from costwire_cli.summary import summary


def run(args: Namespace) -> int:
    """Take the table over, and tell of the delivery that it has become."""
    if args.store is None:
        raise CommandError(
            f"adopt {args.table}: name the handler of the CrateDB that has the table with "
            "--store URL; the embedded store holds no table of the original handler",
            status=WRONG_USE,
        )
    with connected(args) as connection, open_api(connection, ADOPT_SECONDS) as api:
        entry = api.adopt(args.table)
    if args.format == "json":
        write_json(entry)
        return SETTLED
    for line in summary(entry, connection.hint):
        say(line)
    return SETTLED
