"""`costwire user`: who may sign in at the store, and in which role."""

from __future__ import annotations

import getpass
import sys
from argparse import Namespace

from costwire_cli.errors import SETTLED, WRONG_USE, CommandError
from costwire_cli.output import say, write_json, write_table
from costwire_cli.store import open_store


def run(args: Namespace) -> int:
    """Add, remove or list users."""
    if args.action == "add":
        password = _password(args.name)
        with open_store(args) as api:
            api.add_user(args.name, args.role, password)
        say(f"added {args.name} as {args.role}")
    elif args.action == "remove":
        with open_store(args) as api:
            api.remove_user(args.name)
        say(f"removed {args.name}")
    else:
        with open_store(args) as api:
            users = api.users()
        if args.format == "json":
            write_json({"users": users})
        else:
            write_table(["name", "role"], [[user["name"], user["role"]] for user in users])
    return SETTLED


def _password(name: str) -> str:
    """Asked for twice on a terminal, else the first line of standard input; never an argument."""
    if not sys.stdin.isatty():
        password = sys.stdin.readline().rstrip("\r\n")
    else:
        password = getpass.getpass(f"password of {name}: ")
        if getpass.getpass("once more: ") != password:
            raise CommandError("add user: the two passwords differ", status=WRONG_USE)
    if not password:
        raise CommandError("add user: the password is empty", status=WRONG_USE)
    return password
