"""The grammar of `topology`."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from costwire_cli.options import Subparsers, add_certificates, add_format, address, month

ADDRESS_VARIABLE = "COSTWIRE_AGGREGATOR"
DEFAULT_ADDRESS = "http://127.0.0.1:8080"
DEPTHS = ("clusters", "nodes", "namespaces", "workloads", "pods", "containers")
"""Each with all before it; the aggregator has the same."""


def add_topology(commands: Subparsers) -> None:
    """What clusters are made of."""
    command = commands.add_parser(
        "topology",
        help="clusters, nodes and pods, as a running aggregator sees them",
        description="Clusters, their nodes, and what runs on them, as a running aggregator sees "
        "them; what is missing is named, and gives status 3.",
    )
    for option, what in (
        ("--cluster", "key, name or uid of a cluster to show"),
        ("--namespace", "namespace to show; nodes are in none, and stay"),
    ):
        command.add_argument(
            option,
            dest=f"{option.removeprefix('--')}s",
            action="append",
            type=_name,
            default=[],
            metavar="NAME",
            help=f"{what}; may be repeated (default: all)",
        )
    command.add_argument(
        "--depth",
        choices=DEPTHS,
        help="what is shown, with all before it (default: namespaces in the tree, all in json)",
    )
    command.add_argument(
        "--costs", action="store_true", help="what they cost by the bill of a month, as well"
    )
    command.add_argument(
        "--period",
        type=month,
        metavar="YYYY-MM",
        help="billing month of the costs (default: this one, in UTC)",
    )
    add_format(command, "tree", "json")
    _add_aggregator(command)


def _add_aggregator(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--aggregator",
        type=address,
        default=os.environ.get(ADDRESS_VARIABLE) or DEFAULT_ADDRESS,
        metavar="URL",
        help=f"a running aggregator, e.g. https://user:password@host:8080 (default: "
        f"${ADDRESS_VARIABLE}, else {DEFAULT_ADDRESS})",
    )
    command.add_argument(
        "--token-file",
        type=Path,
        metavar="FILE",
        help="file with the token that the aggregator asks for",
    )
    add_certificates(command, "aggregator")


def _name(text: str) -> str:
    if not text:
        raise argparse.ArgumentTypeError("it is empty; leave it out, or give a name")
    return text
