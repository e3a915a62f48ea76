"""Over what a real node exporter tells, of this machine and of made-up hardware."""

from __future__ import annotations

import os
import platform
import re
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from dataclasses import replace
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psutil
import pytest
from tests.support.aggregators import Aggregator, an_aggregator
from tests.support.node_exporter import node_exporter, node_exporter_of
from tests.support.scraping import a_prometheus, wait_until_scraped
from tests.support.simulated_exporters import SimulatedExporters
from tests.support.waiting import until

from costwire_simulator.estate.clouds import CLOUDS
from costwire_simulator.estate.making import Place, Size, make_cluster, make_node
from costwire_simulator.exporters.targets import cluster_targets
from costwire_simulator.targets import Target

KUBERNETES, BARE, METAL = "kubernetes", "bare", "metal"
"""Clusters: of this machine as a node, of this machine by itself, of the made-up one."""
NODE = "node-of-this-machine"
CORES = os.cpu_count() or 1
NETWORK, DISKS = Path("/sys/class/net"), Path("/sys/block")
NO_DISKS = re.compile(r"ram|loop|fd|[hsv]d[a-z]\d|xvd[a-z]\d")
OF_PODS = re.compile(r"veth|cali|lxc|azv|(eni|vlan|gke)[0-9a-f]{11}$|[0-9a-f]{15}$")
HARDWARE = {
    "sys/class/dmi/id/product_uuid": "4c4c4544-0042-3510-8052-b4c04f4d3332",
    "sys/class/hwmon/hwmon0/name": "coretemp",
    "sys/class/hwmon/hwmon0/temp1_input": "41500",
    "sys/class/thermal/thermal_zone0/type": "x86_pkg_temp",
    "sys/class/thermal/thermal_zone0/temp": "42000",
    "sys/class/thermal/thermal_zone0/policy": "step_wise",
    "sys/class/net/eno1/address": "3c:ec:ef:00:00:01",
    "sys/class/net/eno1/operstate": "up",
    "sys/class/net/eno1/duplex": "full",
    "sys/class/net/eno1/speed": "1000",
    "proc/diskstats": "259 0 nvme0n1 1 2 3 4 5 6 7 8 0 9 10",
    "udev/b259:0": "E:ID_MODEL=Micron_7450\nE:ID_SERIAL_SHORT=SN123\n"
    "E:ID_PATH=pci-0000:04:00.0-nvme-1\nE:DEVTYPE=disk",
    **{
        f"sys/devices/system/cpu/cpu{cpu}/cpufreq/{name}": text
        for cpu, hertz in enumerate(("3600000", "3800000"))
        for name, text in {
            "cpuinfo_max_freq": hertz,
            "scaling_available_governors": "performance",
            "scaling_driver": "intel_pstate",
            "scaling_governor": "performance",
            "scaling_setspeed": "<unsupported>",
            "related_cpus": f"{cpu}",
        }.items()
    },
}


@pytest.fixture(scope="module")
def aggregator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Aggregator]:
    """Over a Prometheus that scrapes all of them."""
    folder = tmp_path_factory.mktemp("node-exporter")
    with ExitStack() as stack:
        ours = stack.enter_context(node_exporter(folder / "ours"))
        made_up = stack.enter_context(node_exporter_of(HARDWARE, folder / "made-up"))
        states = stack.enter_context(SimulatedExporters([node_states()], time.time()))
        # The exporter tells the kernel; here nothing else does.
        states.texts = {
            path: re.sub(rb'kernel_version="[^"]*",', b"", text)
            for path, text in states.texts.items()
        }
        scrape = [
            *states.scrape_configs(KUBERNETES),
            {
                "job_name": "node-exporter",
                "static_configs": [
                    a_target(ours, KUBERNETES, NODE, namespace="monitoring", pod="node-exporter-x"),
                    a_target(ours, BARE, "this-machine:9100"),
                    a_target(made_up, METAL, "10.0.0.7:9100"),
                ],
            },
        ]
        url = stack.enter_context(a_prometheus(folder / "prometheus", scrape))
        wait_until_scraped(url, 4)
        upstream = {"url": url, "flavour": "kubernetes"}
        yield stack.enter_context(an_aggregator(folder / "aggregator", upstream))


def a_node(aggregator: Aggregator, cluster: str) -> dict[str, Any]:
    """The only one of a cluster, as it is told now."""
    told = aggregator.topology()
    assert "notes" not in told
    nodes: list[dict[str, Any]] = next(
        one["nodes"] for one in told["clusters"] if one["key"] == cluster
    )
    assert len(nodes) == 1
    return nodes[0]


def node_states() -> Target:
    """What kube-state-metrics would tell of a cluster whose only node is this machine."""
    place = Place.of(CLOUDS["aws"], KUBERNETES, "seed")
    node = replace(make_node(place, 0, name=NODE), cores=CORES, memory=memory("MemTotal"))
    cluster = make_cluster(place, "kubernetes", [node], Size(1, 1, 1, 1))
    (target,) = (one for one in cluster_targets(cluster) if one.job == "kube-state-metrics")
    return target


def a_target(url: str, cluster: str, instance: str, **labels: str) -> dict[str, Any]:
    told = {"cluster": cluster, "instance": instance, **labels}
    return {"targets": [urlsplit(url).netloc], "labels": told}


def memory(name: str) -> int:
    """Bytes, as /proc says."""
    (kibibytes,) = re.findall(rf"{name}:\s+(\d+) kB", Path("/proc/meminfo").read_text())
    return int(kibibytes) * 1024


@pytest.mark.parametrize("cluster", [KUBERNETES, BARE])
def test_this_machine_is_told_as_it_is(aggregator: Aggregator, cluster: str) -> None:
    node = a_node(aggregator, cluster)
    assert node["kernel"] == platform.release()
    assert node["architecture"] == platform.machine()
    assert 0 < node["usage"]["cpu"] <= CORES
    disks = {path.name for path in DISKS.iterdir() if not NO_DISKS.match(path.name)}
    assert {device["name"] for device in node.get("devices", ())} == disks


@pytest.mark.parametrize("cluster", [KUBERNETES, BARE])
def test_memory_is_that_of_the_machine(aggregator: Aggregator, cluster: str) -> None:
    total = memory("MemTotal")

    def is_told() -> bool:
        node = a_node(aggregator, cluster)
        off_used: int = node["usage"]["memory"] - (total - memory("MemAvailable"))
        off_free: int = node["freeMemory"] - memory("MemFree")
        return max(abs(off_used), abs(off_free)) < total / 50

    # Other programs take and give it all the time, and it is scraped once a second.
    assert until("used and free memory are told", is_told, 60)


def test_node_is_told_of_by_both_exporters(aggregator: Aggregator) -> None:
    node = a_node(aggregator, KUBERNETES)
    assert node["name"] == NODE
    assert node["capacity"]["cpu"] == CORES
    assert node["capacity"]["memory"] == memory("MemTotal")
    assert node["conditions"]["Ready"] == "True"


def test_machine_without_kubernetes_is_named_by_its_exporter(aggregator: Aggregator) -> None:
    node = a_node(aggregator, BARE)
    assert node["name"] == node["hostName"] == socket.gethostname()


@pytest.mark.parametrize("cluster", [KUBERNETES, BARE])
def test_interfaces_are_those_of_the_machine(aggregator: Aggregator, cluster: str) -> None:
    def told() -> list[dict[str, Any]]:
        interfaces: list[dict[str, Any]] = a_node(aggregator, cluster)["interfaces"]
        for interface in interfaces:
            if addresses := interface.pop("addresses", ()):
                texts = (f"{one['address']}/{one['netmask']}" for one in addresses)
                interface["addresses"] = sorted(texts)
        return interfaces

    with suppress(AssertionError):  # interfaces come and go, and are told of a second later
        until("interfaces are the same", lambda: told() == interfaces_of_this_machine(), 5)
    assert told() == interfaces_of_this_machine()


def interfaces_of_this_machine() -> list[dict[str, Any]]:
    """As /sys and the system's own calls say."""
    addresses = psutil.net_if_addrs()
    found = []
    for path in sorted(NETWORK.iterdir()):
        if not path.is_dir() or OF_PODS.match(path.name):
            continue
        megabits = int(of_kernel(path / "speed") or -1)
        told = {
            "name": path.name,
            "state": of_kernel(path / "operstate"),
            "duplex": of_kernel(path / "duplex"),
            "hardwareAddress": of_kernel(path / "address"),
            "speed": megabits * 125_000 if megabits >= 0 else None,
            "addresses": sorted(
                f"{one.address.partition('%')[0]}/{length_of_prefix(one.netmask)}"
                for one in addresses.get(path.name, ())
                if one.family in (socket.AF_INET, socket.AF_INET6)
            ),
        }
        found.append({name: value for name, value in told.items() if value not in (None, "", [])})
    return found


def of_kernel(path: Path) -> str | None:
    """What a file of /sys says; None where it does not know."""
    try:
        return path.read_text().strip() or None
    except OSError:
        return None


def length_of_prefix(netmask: str | None) -> int:
    return int(ip_address(netmask or "0.0.0.0")).bit_count()  # noqa: S104


def test_hardware_is_told_as_it_is(aggregator: Aggregator) -> None:
    node = a_node(aggregator, METAL)
    assert node["systemUuid"] == HARDWARE["sys/class/dmi/id/product_uuid"]
    assert node["maxFrequency"] == 3_800_000_000
    assert node["temperatures"] == {"coretemp temp1": 41.5, "x86_pkg_temp 0": 42.0}
    assert node["interfaces"] == [
        {
            "name": "eno1",
            "state": "up",
            "duplex": "full",
            "speed": 125_000_000,
            "hardwareAddress": HARDWARE["sys/class/net/eno1/address"],
        }
    ]
    assert node["devices"] == [
        {
            "name": "nvme0n1",
            "model": "Micron_7450",
            "serial": "SN123",
            "path": "pci-0000:04:00.0-nvme-1",
        }
    ]
