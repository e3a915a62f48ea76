"""`costwire topology`: the clusters that a running aggregator sees, and what is in them."""

from __future__ import annotations

import sys
from argparse import Namespace
from collections.abc import Sequence

from costwire_cli.aggregator_api import TopologyAnswer, open_aggregator, read_token
from costwire_cli.connection import Connection, trust, without_sign_in
from costwire_cli.errors import FAILED, INCOMPLETE, SETTLED, WRONG_USE, CommandError
from costwire_cli.outline import Item, lines, tree
from costwire_cli.output import complain, show, terminal_width
from costwire_cli.topology_costs import no_costs
from costwire_cli.topology_view import is_complete, missing, not_found, question, topology_view

SHOWN = "namespaces"
"""How deep the tree goes where nothing is said."""


def run(args: Namespace) -> int:
    """Ask, write what is answered, and tell what it lacks."""
    params: dict[str, str | Sequence[str]] = {
        "cluster": args.clusters,
        "namespace": args.namespaces,
        **_costs(args),
    }
    if args.format == "json":
        answer = _ask(args, params | ({"depth": args.depth} if args.depth else {}))
        _write(answer.text)
    else:
        depth = args.depth or SHOWN
        answer = _ask(args, params | question(depth))
        _show(topology_view(answer.document, depth, args.namespaces))
    return _status(args, answer)


def _costs(args: Namespace) -> dict[str, str]:
    """The parameters that ask for costs, where they are wanted."""
    if args.costs:
        return {"costs": "1", **({"period": args.period} if args.period else {})}
    if args.period:
        told = "choose --period: it is of costs, which are not asked for; add --costs"
        raise CommandError(told, status=WRONG_USE)
    return {}


def _ask(args: Namespace, params: dict[str, str | Sequence[str]]) -> TopologyAnswer:
    url, sign_in = without_sign_in(args.aggregator)
    if sign_in is not None and args.token_file is not None:
        told = "give --token-file, or user and password in the address, not both"
        raise CommandError(f"sign in: {told}", status=WRONG_USE)
    token = None if args.token_file is None else read_token(args.token_file)
    ca_file, certificate = trust(args)
    connection = Connection(url, sign_in, ca_file=ca_file, certificate=certificate)
    with open_aggregator(connection, token, for_costs=args.costs) as api:
        return api.topology(params)


def _write(text: str) -> None:
    """To the letter, so that it is what any client gets; a terminal's line is ended."""
    sys.stdout.write(text + ("\n" if sys.stdout.isatty() else ""))


def _show(item: Item) -> None:
    width = terminal_width()
    if width is None:
        for line in lines(item):
            show(line)
        return
    from rich.console import Console

    Console(width=width, highlight=False).print(tree(item, width))


def _status(args: Namespace, answer: TopologyAnswer) -> int:
    document = answer.document
    whole = is_complete(document)
    if not whole and args.format == "json":
        complain(f"costwire: the topology is not complete; missing: {missing(document)}")
    reason = no_costs(document)
    if reason is not None and args.format == "json":
        complain(f"costwire: the costs are not there: {reason}")
    if unknown := not_found(document, args.clusters):
        seen = "" if whole else ", or what tells of it is missing"
        complain(
            f"costwire: there is no cluster {', '.join(map(repr, unknown))}{seen}; "
            "costwire topology --depth clusters shows which there are"
        )
        return FAILED
    return SETTLED if whole and reason is None else INCOMPLETE
