"""What the commands that ask across time have in common: which charges, as of when."""

from __future__ import annotations

from argparse import Namespace


def scope_of(args: Namespace) -> dict[str, str]:
    """The parameters of a question, as the handler names them."""
    return {
        "table": args.table,
        "as_of": args.as_of or "",
        "from": args.begin or "",
        "to": args.end or "",
        "filter": args.filter or "",
        "currency": args.currency or "",
    }
