"""The simulator as a process of its own."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import pytest
from tests.support.processes import ServiceProcess, local_get, local_request

from costwire_focus.estates import demo_estate, infrastructure


@pytest.fixture(scope="module")
def simulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServiceProcess]:
    """One of the machines and disks of the demonstration's bills."""
    folder = tmp_path_factory.mktemp("simulator")
    resources = folder / "resources.json"
    resources.write_text(json.dumps([asdict(one) for one in infrastructure(demo_estate())]))
    with ServiceProcess(
        "simulator", folder, resources_file=resources, pods=4, interval_seconds=60
    ) as process:
        yield process.start().wait_until_ready()


def ask(url: str, cluster: str, promql: str) -> list[dict[str, str]]:
    """The labels of what the upstream of a cluster answers."""
    form = {"query": promql, "time": f"{time.time():.3f}", "timeout": "30s"}
    answer = local_request("POST", f"{url}/prometheus/{cluster}/api/v1/query", data=form)
    assert answer.status_code == 200, answer.text
    return [one["metric"] for one in answer.json()["data"]["result"]]


def test_each_cluster_of_the_bills_has_an_upstream(simulator: ServiceProcess) -> None:
    targets = local_get(f"{simulator.url}/targets").json()
    clusters = {one["labels"]["cluster"] for one in targets}
    assert len(clusters) == 3
    billed = {one.resource_id.lower() for one in infrastructure(demo_estate())}
    of_azure = set()
    for cluster in clusters:
        assert ask(simulator.url, cluster, "up == 1")
        for labels in ask(simulator.url, cluster, "kube_node_info"):
            cloud, _, path = labels["provider_id"].partition("://")
            of_azure |= {path.lower()} if cloud == "azure" else set()
    assert of_azure
    assert of_azure <= billed


def test_it_ends_gracefully(tmp_path: Path) -> None:
    with ServiceProcess("simulator", tmp_path, nodes=1, pods=1) as process:
        process.start().wait_until_ready().end_gracefully(15)
        assert not process.address_file.exists()


def test_wrong_settings_end_it_with_a_line(tmp_path: Path) -> None:
    with ServiceProcess("simulator", tmp_path, clusters="none") as process:
        assert process.start().wait(30) == 2
        assert "SIMULATOR_CLUSTERS" in process.log.read_text()
