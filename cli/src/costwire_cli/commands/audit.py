"""`costwire audit`: who did what, and whether the log of it is whole."""

from __future__ import annotations

import json
from argparse import Namespace

from costwire_cli.errors import SETTLED, CommandError
from costwire_cli.output import say, write_json, write_table
from costwire_cli.store import open_store


def run(args: Namespace) -> int:
    """List or verify the audit log."""
    with open_store(args) as api:
        if args.action == "verify":
            verdict = api.verify_audit(args.head)
        else:
            entries = list(api.audit())
    if args.action == "verify":
        if broken := verdict["broken"]:
            raise CommandError(f"the audit log is broken at entry {broken['n']}: {broken['why']}")
        say(f"{verdict['entries']} entries, from {verdict['first']}, are whole")
        say(f"head {verdict['head']}")
    elif args.format == "json":
        write_json({"entries": entries})
    else:
        write_table(
            ["n", "at", "by", "address", "act", "about"],
            [
                [
                    *(str(each[name] or "") for name in ("n", "at", "by", "address", "act")),
                    json.dumps(each["about"], ensure_ascii=False),
                ]
                for each in entries
            ],
        )
    return SETTLED
