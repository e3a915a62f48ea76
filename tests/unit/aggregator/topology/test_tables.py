"""Tables of a topology: each thing once, columns always the same, in lines and in Arrow."""

from __future__ import annotations

import json
from typing import Any

import pyarrow as pa
import pytest
from tests.support.kubernetes_estates import Estate
from tests.unit.aggregator.topology.told import folded, info, of_pod

from costwire_aggregator.topology.arrow import arrow
from costwire_aggregator.topology.fold import fold
from costwire_aggregator.topology.model import Topology
from costwire_aggregator.topology.tables import TABLES, ndjson

ESTATE = fold([Estate(5, clusters=2, nodes=2, pods=3, containers=2).reading("kubernetes")])
EACH = pytest.mark.parametrize("table", TABLES)


def lines(topology: Topology, table: str) -> list[dict[str, Any]]:
    text = b"".join(ndjson(topology, table))
    return [json.loads(line) for line in text.splitlines()]


def read(topology: Topology, table: str) -> pa.Table:
    told = pa.ipc.open_stream(b"".join(arrow(topology, table))).read_all()
    told.validate(full=True)
    return told


@pytest.mark.parametrize(
    ("table", "rows"),
    [
        ("clusters", 2),
        ("nodes", 4),
        ("namespaces", 4),
        ("pods", 12),
        ("containers", 24),
        ("volumes", 2),
        ("interfaces", 4),
        ("devices", 4),
    ],
)
def test_each_thing_has_a_row(table: str, rows: int) -> None:
    assert len(lines(ESTATE, table)) == rows


@EACH
def test_columns_are_the_same_in_every_row_and_with_none(table: str) -> None:
    names = [column.name for column in TABLES[table].columns]
    assert len(names) == len({*names})
    assert all([*row] == names for row in lines(ESTATE, table))
    assert read(ESTATE, table).column_names == names
    assert read(Topology(), table).column_names == names
    assert lines(Topology(), table) == []


@EACH
def test_arrow_has_what_the_lines_have(table: str) -> None:
    rows = [
        {name: _of_arrow(value) for name, value in row.items()}
        for row in read(ESTATE, table).to_pylist()
    ]
    assert rows == lines(ESTATE, table)


def _of_arrow(value: Any) -> Any:
    """Maps come as pairs."""
    is_map = isinstance(value, list) and value and isinstance(value[0], tuple)
    return dict(value) if is_map else value


@EACH
def test_tables_come_in_pieces_of_one_cluster(table: str) -> None:
    assert len([*ndjson(ESTATE, table)]) == 2
    assert len([*arrow(ESTATE, table)]) == 3


def test_containers_know_where_they_are() -> None:
    row = lines(ESTATE, "containers")[0]
    pod = ESTATE.clusters[0].pods[0]
    assert [row[name] for name in ("cluster", "namespace", "pod", "node", "name")] == [
        "cluster-0",
        pod.namespace,
        pod.name,
        pod.node,
        "c0",
    ]
    assert row["requestsCpu"] == row["requests"]["cpu"] == 0.1


def test_addresses_of_an_interface_are_all_there() -> None:
    assert lines(ESTATE, "interfaces")[0]["addresses"] == ["10.0.0.1/24", "fe80::1/64"]


def test_what_is_not_known_is_null_and_zero_is_not() -> None:
    topology = folded(
        kube_node_info=[info("n")],
        kube_node_spec_unschedulable=[({"node": "n"}, 0)],
        kube_pod_info=[(of_pod(), 1)],
    )
    (node,) = lines(topology, "nodes")
    assert node["unschedulable"] is False
    assert {node[name] for name in ("uid", "labels", "capacityCpu", "locationLatitude")} == {None}
    (pod,) = lines(topology, "pods")
    assert (pod["ownerKind"], pod["ready"]) == (None, None)


def test_numbers_of_arrow_have_the_types_of_the_model() -> None:
    schema = read(ESTATE, "nodes").schema
    types = [schema.field(name).type for name in ("capacityCpu", "capacityMemory", "unschedulable")]
    assert types == [pa.float64(), pa.int64(), pa.bool_()]
    assert schema.field("labels").type == pa.map_(pa.string(), pa.string())
