"""`costwire user`: who may sign in at the store, and in which role."""

from __future__ import annotations

import getpass
import sys
from argparse import Namespace

from costwire_cli.errors import SETTLED, WRONG_USE, CommandError
from costwire_cli.handler_api import Json
from costwire_cli.output import say, write_json, write_table
from costwire_cli.store import open_store


def run(args: Namespace) -> int:
    """Add, remove or list users."""
    if args.action == "add":
        password = _password(args.name)
        with open_store(args) as api:
            api.add_user(args.name, args.role, password, _rights(args))
        say(f"added {args.name} as {args.role}{_limits(args)}")
    elif args.action == "change":
        with open_store(args) as api:
            api.change_user(args.name, args.role, _rights(args))
        say(f"{args.name} is {args.role} now{_limits(args)}")
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
            rows = [[user[name] for name in ("name", "role")] + _told(user) for user in users]
            write_table(["name", "role", "reads", "writes", "where"], rows)
    return SETTLED


def _rights(args: Namespace) -> Json:
    return {"read": args.read, "write": args.write, "where": args.where}


def _limits(args: Namespace) -> str:
    """In words: what is not told with a change is no limit any more."""
    told = [
        f"{act} {', '.join(tables)}"
        for act, tables in (("reads", args.read), ("writes", args.write))
        if tables
    ]
    told += [f"sees charges where {args.where}"] if args.where else []
    return f": {'; '.join(told)}" if told else ", without other limits"


def _told(user: Json) -> list[str]:
    """The rights; an empty cell is no limit beyond the role."""
    tables = [", ".join(user.get(name) or ()) for name in ("read", "write")]
    return [*tables, user.get("where", "")]


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
