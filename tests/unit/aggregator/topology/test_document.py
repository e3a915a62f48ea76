"""The document of a topology: what its schema says, and always the same."""

from __future__ import annotations

import json
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openapi_schema_validator import OAS31Validator
from tests.support.kubernetes_estates import Estate, permuted
from tests.unit.aggregator.topology.told import folded, info, of_pod

from costwire_aggregator.topology.document import topology_json
from costwire_aggregator.topology.flavours import FLAVOURS
from costwire_aggregator.topology.fold import fold
from costwire_aggregator.topology.model import Topology
from costwire_aggregator.topology.schema import row_name, topology_schemas
from costwire_aggregator.topology.sources import Reading
from costwire_aggregator.topology.tables import TABLES, ndjson

EXTRA = {"completeness": {"percent": 100}, "at": 1_753_000_000.5}
SCHEMAS = topology_schemas({name: {} for name in EXTRA})


def written(topology: Topology, **extra: Any) -> Any:
    return json.loads(b"".join(topology_json(topology, extra)))


def faults(name: str, value: Any) -> list[str]:
    schema = {"$ref": f"#/components/schemas/{name}", "components": {"schemas": SCHEMAS}}
    return [
        f"{error.json_path}: {error.message}" for error in OAS31Validator(schema).iter_errors(value)
    ]


@given(st.sampled_from(sorted(FLAVOURS)), st.integers(0, 10_000), st.sampled_from([0.0, 0.2]))
@settings(deadline=None, max_examples=30)
def test_documents_are_as_their_schema_says(flavour: str, seed: int, oddity: float) -> None:
    topology = fold([Estate(seed, oddity=oddity, clusters=1).reading(flavour)])
    assert faults("Topology", written(topology, **EXTRA)) == []
    for table in TABLES:
        for row in b"".join(ndjson(topology, table)).splitlines():
            assert faults(row_name(table), json.loads(row)) == []


def test_schema_refuses_what_is_no_topology() -> None:
    document = written(folded(kube_node_info=[info("n")]))
    (node,) = document["clusters"][0]["nodes"]
    for broken in ({"name": 1}, {"colour": "red"}, {"capacity": {"cpu": "8"}}):
        with_fault = {"clusters": [{"key": "c", "nodes": [node | broken]}]}
        assert faults("Topology", with_fault), broken
    assert faults("Topology", {"clusters": [{"name": "without a key"}]})


@given(st.sampled_from(sorted(FLAVOURS)), st.integers(0, 10_000), st.randoms())
@settings(deadline=None, max_examples=30)
def test_bytes_are_the_same_whatever_the_order(flavour: str, seed: int, chance: Random) -> None:
    series = Estate(seed, oddity=0.1, clusters=2).series(flavour)

    def bytes_of(families: Any) -> list[bytes]:
        topology = fold([Reading("all", flavour, families)])
        tables = [b"".join(ndjson(topology, table)) for table in TABLES]
        return [b"".join(topology_json(topology, EXTRA)), *tables]

    assert bytes_of(permuted(series, chance)) == bytes_of(series)


def test_what_is_not_known_is_left_out_and_zero_is_not() -> None:
    topology = folded(
        kube_pod_info=[(of_pod(), 1)],
        kube_pod_status_ready=[(of_pod(condition="true"), 0)],
        kube_pod_container_info=[(of_pod(container="c"), 1)],
        kube_pod_container_status_restarts_total=[(of_pod(container="c"), 0)],
    )
    assert written(topology) == {
        "clusters": [
            {
                "key": "one",
                "name": "one",
                "namespaces": [{"name": "shop"}],
                "pods": [
                    {
                        "namespace": "shop",
                        "name": "web-0",
                        "ready": False,
                        "containers": [{"name": "c", "restarts": 0}],
                    }
                ],
            }
        ]
    }


def test_document_comes_in_pieces_of_one_cluster() -> None:
    topology = fold([Estate(1).reading("kubernetes")])
    pieces = [*topology_json(topology, EXTRA)]
    assert max(map(len, pieces)) < sum(map(len, pieces)) / 2
    document = json.loads(b"".join(pieces))
    assert [*document] == ["at", "completeness", "clusters"]
    assert [one["key"] for one in document["clusters"]] == ["cluster-0", "cluster-1", "cluster-2"]


def test_nothing_told_is_a_document_without_clusters() -> None:
    assert written(Topology()) == {"clusters": []}


def test_something_else_that_is_called_clusters_is_refused() -> None:
    with pytest.raises(ValueError, match="clusters"):
        [*topology_json(Topology(), {"clusters": 1})]
