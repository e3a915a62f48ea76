"""The document of the ICOS Aggregator, and `/healthz`."""

from __future__ import annotations

from collections.abc import Mapping

from costwire_aggregator.web.icos import HEALTH_PATH
from costwire_aggregator.web.openapi.parts import (
    COMPLETENESS_HEADERS,
    LEFT_OUT_HEADER,
    OF_UPSTREAMS,
    TEXT,
    operation,
)
from costwire_runtime.openapi import COUNT, JSON, Node, answer, content, open_operation, record, ref

_PLAIN = "text/plain"
_NUMBER: Node = {"type": "number"}
_INTEGER: Node = {"type": "integer"}
_BYTES: Node = {"type": "integer", "description": "Bytes."}
_NEVER_FILLED: Node = {"description": "Nothing is told of it.", **record({})}


def _told(schema: Node, description: str) -> Node:
    return {**schema, "description": description}


def _by_name(schema: Node) -> Node:
    return {"type": "object", "additionalProperties": schema}


def _object(optional: Mapping[str, Node], **required: Node) -> Node:
    """What is empty or zero is left out, but for objects that are no maps."""
    return record(required, optional)


SCHEMAS: Node = {
    "IcosDocument": _told(
        _object(
            {
                "cluster": _told(
                    _by_name(ref("IcosCluster")),
                    "By name; of those with the same name by name and uid.",
                )
            },
            timestamp=_object(
                {
                    "oldestTimestamp": _told(
                        _NUMBER, "When the oldest sample was taken: seconds since 1970."
                    ),
                    "timeSinceOldest": _told(_NUMBER, "Seconds since then."),
                }
            ),
        ),
        "What is not known, empty or zero is left out.",
    ),
    "IcosCluster": _object(
        {
            "type": _told(TEXT, "`ocm` or `nuvla`."),
            "uuid": TEXT,
            "name": TEXT,
            "node": _by_name(ref("IcosNode")),
            "pod": _by_name(ref("IcosPod")),
        },
        serviceLevelAgreement=_NEVER_FILLED,
        API=_NEVER_FILLED,
    ),
    "IcosNode": _object(
        {
            "type": _told(TEXT, "`ocm` or `nuvla`."),
            "uuid": TEXT,
            "name": TEXT,
            "vulnerabilities": _told(_by_name(_INTEGER), "How many, by severity; zeros too."),
            "ScaScore": _told(_INTEGER, "Of the assessment of its security configuration."),
            "networkInterfaces": _by_name(ref("IcosInterface")),
            "devices": _by_name(ref("IcosDevice")),
        },
        location=_object({"latitude": _NUMBER, "longitude": _NUMBER}),
        staticMetrics=_object(
            {
                "cpuArchitecture": TEXT,
                "cpuCores": _INTEGER,
                "cpuMaxFrequency": _told(_INTEGER, "Hertz."),
                "RAMMemory": _BYTES,
            }
        ),
        dynamicMetrics=_object(
            {
                "cpuTemperature": _told(_NUMBER, "Celsius."),
                "cpuEnergyConsumption": _told(_NUMBER, "Joules since the node's counter began."),
                "freeRAM": _BYTES,
            },
            availableStorage=_NEVER_FILLED,
        ),
    ),
    "IcosInterface": _object(
        {
            "name": TEXT,
            "type": _told(TEXT, "Its duplex mode."),
            "speed": _told(_INTEGER, "Bytes a second; negative where the node does not know it."),
            "ip": TEXT,
            "status": TEXT,
            "subnetMask": TEXT,
        }
    ),
    "IcosDevice": _object({"name": TEXT, "type": TEXT, "status": TEXT, "path": TEXT}),
    "IcosPod": _object(
        {
            "name": TEXT,
            "ip": TEXT,
            "status": _told(TEXT, "Its phase."),
            "numberOfContainers": COUNT,
            "container": _by_name(ref("IcosContainer")),
        }
    ),
    "IcosContainer": _object(
        {
            "name": TEXT,
            "node": _told(TEXT, "The `uuid` of a node."),
            "cpuUsage": _told(_NUMBER, "A ratio: 1 is one core."),
        }
    ),
}

DOCUMENT: Node = {
    "timestamp": {"oldestTimestamp": 1753000000.5, "timeSinceOldest": 61.25},
    "cluster": {
        "edge-north": {
            "type": "ocm",
            "uuid": "5d3c9a10",
            "name": "edge-north",
            "serviceLevelAgreement": {},
            "API": {},
            "node": {
                "node-a1": {
                    "type": "ocm",
                    "uuid": "b7e1c2d3",
                    "name": "node-a1",
                    "location": {"latitude": 41.38, "longitude": 2.17},
                    "staticMetrics": {"cpuArchitecture": "x86_64", "cpuCores": 8},
                    "dynamicMetrics": {"freeRAM": 2147483648, "availableStorage": {}},
                }
            },
            "pod": {
                "shop-api-0": {
                    "name": "shop-api-0",
                    "ip": "10.42.0.9",
                    "status": "Running",
                    "numberOfContainers": 1,
                    "container": {"api": {"name": "api", "node": "b7e1c2d3", "cpuUsage": 0.0425}},
                }
            },
        }
    },
}

PATHS: Node = {
    "/": {
        "get": operation(
            "icos",
            "icosDocument",
            "The document of the ICOS Aggregator",
            {
                "200": {
                    **answer(
                        "All clusters",
                        {
                            **content(ref("IcosDocument"), JSON, one=DOCUMENT),
                            _PLAIN: {
                                "schema": {
                                    **TEXT,
                                    "description": "The same, as the original calls it: with "
                                    "`ICOS_COMPAT=strict` where no tokens are asked for.",
                                }
                            },
                        },
                    ),
                    "headers": {
                        "Age": {
                            "required": True,
                            "description": "Seconds since the upstreams were asked.",
                            "schema": COUNT,
                        },
                        **COMPLETENESS_HEADERS,
                        **LEFT_OUT_HEADER,
                    },
                }
            },
            description="Told at every path that is not described here too, and for every method.",
            fails=OF_UPSTREAMS,
        )
    },
    HEALTH_PATH: {
        "get": open_operation(
            "healthz",
            "Whether the process answers, for whatever method; the upstreams are not asked",
            {
                "200": answer(
                    "It does", content(TEXT, _PLAIN, healthy='"Aggregator working properly!"\n')
                )
            },
        )
    },
}
