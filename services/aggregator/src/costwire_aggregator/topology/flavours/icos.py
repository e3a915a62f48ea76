"""ICOS: agents on each host gather all metrics, with labels of their own.

It is asked what the ICOS document is made of.
"""

from __future__ import annotations

from costwire_aggregator.icos.families import (
    AGENTS,
    CAPACITY,
    CLUSTER_NAMES,
    CONTAINER_CPU,
    CONTAINERS,
    DEVICES,
    ENERGY,
    NODES,
    PHASES,
    PODS,
    SCORES,
    VULNERABILITIES,
)
from costwire_aggregator.icos.questions import ALL
from costwire_aggregator.topology.flavours.node_exporter import host_rules
from costwire_aggregator.topology.flavours.rules import (
    CORES,
    LATITUDE,
    LONGITUDE,
    MICROJOULES,
    PIECES,
    SCORE,
    All,
    AmountOf,
    ByAgents,
    Flavour,
    Makes,
    Number,
    NumberIn,
    OwnedBy,
    Rule,
    State,
    Text,
    Texts,
)
from costwire_aggregator.topology.model import Container, Device, Node, Pod

_NODE = ("icos_host_id", "icos_host_name", "nodename")
_NAMESPACE = ("namespace",)
_HOST = All(("icos_agent_id", "icos_host_name"))
_CHECKED = All(("agent_hostname", "agent_ip"))
_STATES = {-1.0: "detached", 0.0: "busy", 1.0: "available"}

_RULES = (
    Rule(
        (NODES,),
        Node,
        (
            Texts(
                {
                    "name": ("nodename", "icos_host_name", "icos_host_id"),
                    "uid": ("icos_host_id",),
                    "host_name": ("icos_host_name",),
                    "ip": ("net_host_name",),
                    "architecture": ("machine",),
                    "kernel": ("release",),
                }
            ),
            NumberIn("location.latitude", LATITUDE, "icos_alpha_latitude"),
            NumberIn("location.longitude", LONGITUDE, "icos_alpha_longitude"),
        ),
        Makes.ALWAYS,
        known_by=(
            _NODE,
            ("icos_host_name",),
            ("nodename",),
            _HOST,
            All(("nodename", "net_host_name")),
        ),
    ),
    Rule((CAPACITY,), Node, (AmountOf("capacity"),), at=(("node",), _HOST, ("icos_host_id",))),
    Rule((ENERGY,), Node, (Number("energy", MICROJOULES),), at=(_HOST, ("icos_host_id",))),
    Rule((SCORES,), Node, (Number("sca_score", SCORE),), at=(_CHECKED,), anywhere=True),
    Rule(
        (VULNERABILITIES,),
        Node,
        (Number("vulnerabilities", PIECES, by=("severity",)),),
        at=(_CHECKED,),
        anywhere=True,
    ),
    *host_rules(),
    Rule(
        (DEVICES,),
        Device,
        (Text("path", ("resource_path",)), State("state", _STATES)),
        Makes.ALWAYS,
    ),
    Rule(
        (PODS,),
        Pod,
        (
            Texts({"uid": ("uid",), "node": ("node",), "ip": ("pod_ip",), "host_ip": ("host_ip",)}),
            OwnedBy("created_by_kind", "created_by_name"),
        ),
        Makes.ALWAYS,
    ),
    Rule((PHASES,), Pod, (Text("phase", ("phase",), while_one=True),)),
    Rule((CONTAINERS,), Container, (Text("image", ("image",)),), Makes.ALWAYS),
    Rule(
        (CONTAINER_CPU,),
        Container,
        (Number("usage", CORES, "cpu"),),
        at=(("k8s_namespace_name",), ("k8s_pod_name",), ("k8s_container_name",)),
    ),
)

ICOS = Flavour(
    "icos",
    "the telemetry agents of ICOS",
    frozenset({AGENTS, CLUSTER_NAMES}),
    ALL,
    ByAgents(),
    {
        Node: (_NODE,),
        Pod: (_NAMESPACE, ("pod",)),
        Container: (_NAMESPACE, ("pod",), ("container",)),
    },
    _RULES,
)
