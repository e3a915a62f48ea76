"""What the clusters are made of."""

from __future__ import annotations

from costwire_aggregator.costs.schemas import SCHEMAS as COSTS_SCHEMAS
from costwire_aggregator.topology.schema import row_name, topology_schemas
from costwire_aggregator.topology.selection import DEPTHS
from costwire_aggregator.topology.tables import TABLES
from costwire_aggregator.web.openapi.completeness import SUMMARY
from costwire_aggregator.web.openapi.parts import (
    COMPLETENESS_HEADERS,
    OF_UPSTREAMS,
    PERIOD,
    TEXT,
    operation,
)
from costwire_aggregator.web.topology import ARROW, JSON, NDJSON, TOPOLOGY_PATH, SnapshotGone
from costwire_runtime import problems
from costwire_runtime.openapi import (
    COUNT,
    Node,
    answer,
    content,
    in_header,
    listed,
    query,
    record,
    ref,
)

_SNAPSHOT = "1753000061.750"
_MOST = 999_999_999
_NAMES = listed({**TEXT, "minLength": 1})
_SNAPSHOT_TEXT: Node = {
    **TEXT,
    "description": "Which asking of the upstreams the answer is from; pages of one hold together.",
}


def _schemas() -> Node:
    always = {
        "snapshot": _SNAPSHOT_TEXT,
        "completeness": ref("CompletenessSummary"),
        "clustersInAll": {"description": "On all pages.", **COUNT},
        "notes": {
            "description": "Series that tell something else than they should.",
            **listed(ref("Note")),
        },
    }
    schemas = topology_schemas({**always, "costs": ref("Costs")})
    topology = schemas["Topology"]
    return {
        **schemas,
        **COSTS_SCHEMAS,
        "Topology": {**topology, "required": [*topology["required"], *always]},
        "Note": record(
            {
                "metric": TEXT,
                "reason": {"description": "What is wrong with them.", **TEXT},
                "series": {"description": "How many.", **COUNT},
            }
        ),
    }


SCHEMAS = _schemas()

TOPOLOGY: Node = {
    "snapshot": _SNAPSHOT,
    "completeness": SUMMARY,
    "clustersInAll": 1,
    "notes": [{"metric": "kube_pod_info", "reason": "its node is not known", "series": 2}],
    "clusters": [
        {
            "key": "edge-north",
            "name": "edge-north",
            "location": {"region": "eu-north-1"},
            "nodes": [
                {
                    "name": "node-a1",
                    "providerId": "aws:///eu-north-1a/i-0a1b2c3d4e5f60718",
                    "capacity": {"cpu": 8, "memory": 33512345600},
                    "allocatable": {"cpu": 7.5, "memory": 31138512896},
                    "usage": {"cpu": 2.25, "memory": 12884901888},
                    "conditions": {"Ready": "True"},
                }
            ],
            "namespaces": [{"name": "shop", "phase": "Active"}],
            "workloads": [
                {
                    "kind": "StatefulSet",
                    "namespace": "shop",
                    "name": "api",
                    "desired": 1,
                    "ready": 1,
                }
            ],
            "pods": [
                {
                    "namespace": "shop",
                    "name": "api-0",
                    "node": "node-a1",
                    "owner": {"kind": "StatefulSet", "name": "api"},
                    "phase": "Running",
                    "requests": {"cpu": 0.5, "memory": 1073741824},
                    "containers": [{"name": "api", "restarts": 0}],
                }
            ],
        }
    ],
}
_VOLUME: Node = {
    "cluster": "edge-north",
    "name": "pv-1",
    "claimNamespace": "shop",
    "claim": "data-api-0",
    "phase": "Bound",
    "capacity": 10737418240,
    "storageClass": "standard",
    "driver": "ebs.csi.aws.com",
    "handle": "vol-0a1b2c3d4e5f60718",
    "disk": None,
}

_PARAMETERS = (
    query("cluster", _NAMES, "Clusters to tell of, by key, name or uid."),
    query("namespace", _NAMES, "Namespaces to tell of. Nodes are in none, and stay."),
    query(
        "label",
        listed({**TEXT, "pattern": "^[^=]"}),
        "Nodes and pods that have all of these are told, with what these pods belong to: `key`, "
        "or `key=value`.",
    )
    | {"example": ["app=api"]},
    query(
        "depth",
        {"enum": list(DEPTHS), "default": DEPTHS[-1]},
        "How deep to tell: this level, and all before it.",
    ),
    query(
        "fields",
        _NAMES,
        "Fields of clusters, with dots into their parts and commas between them; what says which "
        "thing it is is told in any case.",
    )
    | {"example": ["nodes.capacity,nodes.usage.cpu"]},
    query(
        "table",
        {"enum": list(TABLES)},
        "A flat table instead of the document: a row for each thing of this kind.",
    ),
    query(
        "limit",
        {"type": "integer", "minimum": 1, "maximum": _MOST},
        "Clusters, or rows, on a page; left out, there is one page. Not for Arrow.",
    ),
    query(
        "offset",
        {"type": "integer", "minimum": 0, "maximum": _MOST, "default": 0},
        "Clusters, or rows, before the page.",
    ),
    query("snapshot", _SNAPSHOT_TEXT, "412 where this one is not kept any more."),
    query(
        "costs",
        {"enum": ["0", "1", "false", "true"], "default": "0"},
        "Whether to tell, in the document, what a bill says of all clusters.",
    ),
    PERIOD,
    in_header(
        "If-None-Match", TEXT, "An `ETag` that was answered before; with costs nothing asks for it."
    ),
)

_HEADERS: Node = {
    "ETag": {"required": True, "schema": TEXT, "example": f'W/"{_SNAPSHOT}"'},
    "Vary": {"required": True, "schema": TEXT},
    "Cache-Control": {"required": True, "schema": TEXT},
    **COMPLETENESS_HEADERS,
}
_LINK: Node = {
    "Link": {
        "description": 'The next page of the same snapshot (`rel="next"`); absent on the last.',
        "schema": TEXT,
    }
}
_ANSWER: Node = {
    JSON: {
        "schema": {
            "description": "The document; of a table a list of its rows.",
            "anyOf": [ref("Topology"), *(listed(ref(row_name(table))) for table in TABLES)],
        },
        "examples": {"document": {"value": TOPOLOGY}, "volumes": {"value": [_VOLUME]}},
    },
    **content({**TEXT, "description": "Of a table: a row a line, as in the list."}, NDJSON),
    ARROW: {
        "schema": {
            "description": "Of a table: an Arrow IPC stream with the columns of its rows; never "
            "paged."
        }
    },
}

PATHS: Node = {
    TOPOLOGY_PATH: {
        "get": operation(
            "topology",
            "topology",
            "Clusters, their nodes, namespaces, workloads, pods, containers and volumes",
            {
                "200": answer("What was asked for", _ANSWER) | {"headers": {**_HEADERS, **_LINK}},
                "304": answer("The client holds it") | {"headers": _HEADERS},
            },
            description="In documents what is not known is left out, in tables it is null: a store "
            "that is missing never turns into zeros.",
            parameters=_PARAMETERS,
            fails=(
                *OF_UPSTREAMS,
                (
                    problems.BadRequest,
                    "choose a depth: 'atoms' is not one of clusters, nodes, namespaces, workloads, "
                    "pods, containers",
                ),
                (
                    problems.NotAcceptable,
                    "answers are told as application/json; accept one of these",
                ),
                (
                    SnapshotGone,
                    "read the page: the snapshot is not kept any more; begin anew",
                ),
            ),
        )
    }
}
