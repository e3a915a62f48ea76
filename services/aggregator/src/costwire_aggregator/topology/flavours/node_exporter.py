"""What the node exporter, and exporters beside it, tell of hosts: a part of several tables."""

from __future__ import annotations

from costwire_aggregator.icos.families import (
    ADDRESSES,
    FREE_MEMORY,
    FREQUENCY,
    INTERFACES,
    INTERFACES_UP,
    SPEEDS,
    TEMPERATURE,
)
from costwire_aggregator.topology.flavours.rules import (
    BYTES,
    CELSIUS,
    HERTZ,
    SPEED,
    AddressIn,
    Makes,
    Name,
    Number,
    Rule,
    State,
    Text,
    Texts,
)
from costwire_aggregator.topology.model import Interface, Node

NETWORK = (INTERFACES, INTERFACES_UP, ADDRESSES, SPEEDS)


def host_rules(*node: Name) -> tuple[Rule, ...]:
    """`node`: what its series identify their host by; none: what the flavour says of nodes."""
    return (
        Rule((FREQUENCY,), Node, (Number("max_frequency", HERTZ),), at=node),
        Rule((FREE_MEMORY,), Node, (Number("free_memory", BYTES),), at=node),
        Rule(
            (TEMPERATURE,), Node, (Number("temperatures", CELSIUS, by=("type", "zone")),), at=node
        ),
        Rule(
            (INTERFACES,),
            Interface,
            (
                Texts({"duplex": ("duplex",), "hardware_address": ("address",)}),
                # Whether it is up is 0 of loopbacks and tunnels, of which the kernel does not
                # know it: their `unknown` is larger than `down`, and holds.
                Text("state", ("operstate",)),
            ),
            Makes.ALWAYS,
            at=node,
        ),
        Rule(
            (ADDRESSES,),
            Interface,
            (AddressIn("address", "netmask", "scope"),),
            Makes.ALWAYS,
            at=node,
        ),
        Rule((INTERFACES_UP,), Interface, (State("state", {1.0: "up", 0.0: "down"}),), at=node),
        Rule((SPEEDS,), Interface, (Number("speed", SPEED),), at=node),
    )
