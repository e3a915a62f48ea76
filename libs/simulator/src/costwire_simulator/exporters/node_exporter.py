"""The node exporter of a machine."""

from __future__ import annotations

from costwire_simulator.estate.model import Cluster, Node
from costwire_simulator.exporters.hosts import Host, tell_hosts
from costwire_simulator.exporters.text import Page


def node_exporter(cluster: Cluster, node: Node, at: float) -> bytes:
    """Its text at a time."""
    page = Page()
    tell_hosts(page, [Host("", node, cluster)], at)
    return page.text()
