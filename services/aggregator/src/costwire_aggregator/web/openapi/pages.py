"""What people and Prometheus servers read."""

from __future__ import annotations

from costwire_aggregator.web.gauges import PATH as GAUGES_PATH
from costwire_aggregator.web.openapi.parts import HTML, OF_UPSTREAMS, PERIOD, TEXT, operation
from costwire_aggregator.web.ui.pages import UI_PATH
from costwire_runtime import problems
from costwire_runtime.openapi import Node, answer, content, query

_GAUGES = """\
# HELP costwire_cluster_nodes Nodes
# TYPE costwire_cluster_nodes gauge
costwire_cluster_nodes{cluster="edge-north"} 3.0
"""
_KEY = "The cluster's key."


def _page(name: str, summary: str, *parameters: Node) -> Node:
    missing = [(problems.NotFound, "show /ui/cluster: there is no 'edge-east', or not any more")]
    told = operation(
        "pages",
        name,
        summary,
        {"200": answer("The page", content(TEXT, HTML))},
        parameters=(*parameters, PERIOD),
        fails=(*OF_UPSTREAMS, *(missing if parameters else ())),
    )
    for kind, _ in OF_UPSTREAMS:
        told["responses"][str(kind.status)]["content"] |= content(TEXT, HTML)
    return {"get": told}


def _named(name: str, description: str) -> Node:
    return query(name, TEXT, description, required=True)


PATHS: Node = {
    GAUGES_PATH: {
        "get": operation(
            "metrics",
            "gauges",
            "Nodes, pods and resources of each cluster, and how complete they are, as gauges",
            {
                "200": answer(
                    "Prometheus text, or OpenMetrics where `Accept` asks for it",
                    {
                        **content(TEXT, "text/plain", one=_GAUGES),
                        **content(TEXT, "application/openmetrics-text"),
                    },
                )
            },
            description="What is not known has no sample.",
            fails=OF_UPSTREAMS,
        )
    },
    UI_PATH: _page("clustersPage", "All clusters"),
    f"{UI_PATH}/cluster": _page(
        "clusterPage",
        "A cluster, its nodes and pods",
        _named("key", _KEY),
        query("namespace", TEXT, "Pods of this namespace alone."),
        query("search", TEXT, "Pods with this in their name, or in their node's."),
        query("page", TEXT, "Of the pods; what is no number is the first."),
    ),
    f"{UI_PATH}/node": _page(
        "nodePage", "A node and its pods", _named("cluster", _KEY), _named("name", "The node's.")
    ),
    f"{UI_PATH}/pod": _page(
        "podPage",
        "A pod and its containers",
        _named("cluster", _KEY),
        _named("namespace", "The pod's."),
        _named("name", "The pod's."),
    ),
}
