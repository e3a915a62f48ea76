"""`strict`: the document that the original makes of the same series, faults included."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.unit.aggregator.icos.example import NOW, example

from costwire_aggregator.icos.document import document
from costwire_aggregator.icos.original import OriginalFold, _cast
from costwire_aggregator.samples import Sample

GOLDEN = Path(__file__).parents[3] / "golden" / "icos" / "topology.json"
"""Written by the original, version 1.2.5, of the example's series."""


def test_example_is_the_originals_to_the_byte() -> None:
    assert document(OriginalFold(example()).infrastructure(), NOW) == GOLDEN.read_bytes()


@pytest.mark.parametrize(
    ("value", "bits", "whole"),
    [
        (63.9, 32, 63),
        (-0.5, 32, 0),
        (2.0**31, 32, -(2**31)),
        (float("nan"), 32, -(2**31)),
        (float("inf"), 64, -(2**63)),
        (1e300, 64, -(2**63)),
        (-125000, 64, -125000),
    ],
)
def test_casts_are_gos(value: float, bits: int, whole: int) -> None:
    assert _cast(value, bits) == whole


@pytest.mark.parametrize(
    ("value", "status"),
    [
        (1, "available"),
        (257, "available"),
        (0.9, "busy"),
        (float("nan"), "busy"),
        (-1, "detached"),
        (-129, "unknown"),
        (127, "unknown"),
    ],
)
def test_device_has_the_state_of_its_lowest_byte(value: float, status: str) -> None:
    series = example()
    mounted, *_ = series["node_mounted"]
    series["node_mounted"] = [Sample(mounted.labels, value)]
    (node,) = OriginalFold(series).infrastructure().clusters["edge-north"].nodes.values()
    assert node.devices["camera_front"].status == status


@pytest.mark.parametrize(
    ("text", "degrees"),
    [
        ("1_0", 10.0),
        ("0x1p-2", 0.25),
        (" 4", None),
        ("1__0", None),
        ("north", None),
        (".5", 0.5),
        ("0x1p99999", None),
        ("0x_1.8p0", 1.5),
        ("0x1._8p0", None),
    ],
)
def test_coordinate_is_read_as_go_reads_it(text: str, degrees: float | None) -> None:
    series = example()
    uname, *_ = series["node_uname_info"]
    series["node_uname_info"] = [Sample({**uname.labels, "icos_alpha_latitude": text}, 1)]
    (node,) = OriginalFold(series).infrastructure().clusters["edge-north"].nodes.values()
    assert node.latitude == degrees


@pytest.mark.parametrize("turned", [False, True])
def test_node_that_gets_another_key_hides_the_one_that_keeps_its_own(turned: bool) -> None:
    agent = {"type": "ocm", "agent_id": "a", "k8s_cluster_uid": "u"}
    nodes = [
        Sample({"k8s_cluster_uid": "u", "icos_host_id": host, "nodename": "y"}, 1)
        for host in ("z", "y")
    ]
    series = {
        "tlum_orch_info": [Sample(agent, 1)],
        "node_uname_info": nodes[:: -1 if turned else 1],
    }
    (node,) = OriginalFold(series).infrastructure().clusters["u"].nodes.values()
    assert node.uuid == "z"


def test_cluster_that_gets_a_name_hides_the_one_whose_id_it_is() -> None:
    series = {
        "tlum_orch_info": [
            Sample({"type": "ocm", "agent_id": uid, "k8s_cluster_uid": uid}, 1) for uid in "bc"
        ],
        "node_uname_info": [
            Sample({"k8s_cluster_uid": uid, "icos_host_id": "h", "nodename": "n"}, 1)
            for uid in "bc"
        ],
        "tlum_ocm_agent_info": [Sample({"k8s_cluster_uid": "c", "name": "b"}, 1)],
    }
    clusters = OriginalFold(series).infrastructure().clusters
    assert {name: cluster.uuid for name, cluster in clusters.items()} == {"b": "c"}
