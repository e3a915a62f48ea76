"""What the node exporter tells of machines; ICOS agents tell it too, with labels of their own."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

from costwire_simulator.estate.clouds import CLOUDS
from costwire_simulator.estate.draws import between, draw, hexes
from costwire_simulator.estate.model import Cluster, Node
from costwire_simulator.estate.usage import level, total
from costwire_simulator.exporters.text import Page, joined, labels

_CPU_BASE, _CPU_SWING = 0.42, 0.4
"""The part of its cores that a machine uses, and how it changes in a day."""
_MODES = {"user": 0.68, "system": 0.25, "softirq": 0.03, "nice": 0.02, "irq": 0.01, "steal": 0.01}
"""What it uses them for."""
_MEMORY_BASE, _MEMORY_SWING = 0.55, 0.06
_IGNORED = "veth"
"""Pods' interfaces that kube-prometheus has the node exporter leave out."""
_MOST_UP_SECONDS = 60 * 86_400.0
_GIGABIT, _UNKNOWN_SPEED = 125_000_000, -125_000


@dataclass(frozen=True, slots=True)
class Host:
    """A machine, and the labels that each series of it has."""

    labels: str
    node: Node
    cluster: Cluster
    about: str = ""
    """Further labels of `node_uname_info`."""

    @property
    def is_metal(self) -> bool:
        """Whether it has sensors: virtual machines have none."""
        return self.cluster.cloud == "edge"

    def booted(self, at: float) -> float:
        """When it was started the last time."""
        period = between(0.5, 1, self.node.system_uuid, "boot") * _MOST_UP_SECONDS
        return at - (at - self.node.created) % period

    def busy(self, at: float) -> float:
        """The cores that it uses."""
        return level(self.node.cores * _CPU_BASE, _CPU_SWING, self.cluster.phase, at)

    def busy_seconds(self, at: float) -> float:
        """The core seconds that it has used since it was started."""
        base = self.node.cores * _CPU_BASE
        return total(base, _CPU_SWING, self.cluster.phase, self.booted(at), at)

    def used_memory(self, at: float) -> int:
        """Bytes that could not be given to anything else."""
        used = level(self.node.memory * _MEMORY_BASE, _MEMORY_SWING, self.cluster.phase, at)
        return int(used) // 4096 * 4096


def tell_hosts(page: Page, hosts: Sequence[Host], at: float) -> None:
    """All families of all machines."""
    _tell_system(page, hosts, at)
    _tell_processors(page, hosts, at)
    _tell_memory(page, hosts, at)
    _tell_sensors(page, [host for host in hosts if host.is_metal], at)
    _tell_disks(page, hosts)
    _tell_network(page, hosts, at)


def _tell_system(page: Page, hosts: Sequence[Host], at: float) -> None:
    page.family("node_uname_info", "gauge", "Of uname.", ((_uname(host), 1) for host in hosts))
    page.family("node_dmi_info", "gauge", "Of the firmware.", ((_dmi(host), 1) for host in hosts))
    page.family(
        "node_boot_time_seconds",
        "gauge",
        "When it was started.",
        ((host.labels, int(host.booted(at))) for host in hosts),
    )
    page.family(
        "node_time_seconds", "gauge", "What its clock says.", ((host.labels, at) for host in hosts)
    )
    page.family(
        "node_load1",
        "gauge",
        "The load of the last minute.",
        ((host.labels, round(host.busy(at), 2)) for host in hosts),
    )


def _uname(host: Host) -> str:
    told = {
        "domainname": "(none)",
        "machine": "x86_64",
        "nodename": host.node.name,
        "release": CLOUDS[host.cluster.cloud].kernel,
        "sysname": "Linux",
        "version": "#1 SMP PREEMPT_DYNAMIC",
    }
    return joined(host.labels, labels(told), host.about)


def _dmi(host: Host) -> str:
    told = {
        "bios_vendor": host.cluster.cloud,
        "product_name": host.node.instance_type,
        "product_uuid": host.node.system_uuid,
        "system_vendor": host.cluster.cloud,
    }
    return joined(host.labels, labels(told))


def _tell_processors(page: Page, hosts: Sequence[Host], at: float) -> None:
    page.family(
        "node_cpu_seconds_total",
        "counter",
        "What the processors did.",
        (
            (joined(host.labels, f'cpu="{cpu}",mode="{mode}"'), seconds / host.node.cores)
            for host in hosts
            for mode, seconds in _mode_seconds(host, at)
            for cpu in range(host.node.cores)
        ),
    )


def _mode_seconds(host: Host, at: float) -> Iterator[tuple[str, float]]:
    """Of all cores together."""
    passed, busy = (at - host.booted(at)) * host.node.cores, host.busy_seconds(at)
    waited = passed * 0.01
    yield "idle", passed - busy - waited
    yield "iowait", waited
    for mode, part in _MODES.items():
        yield mode, busy * part


def _tell_memory(page: Page, hosts: Sequence[Host], at: float) -> None:
    gauge = partial(page.family, kind="gauge")
    used = [(host.labels, host.node.memory, host.used_memory(at)) for host in hosts]
    gauge(
        "node_memory_MemTotal_bytes",
        help="All memory.",
        series=((named, memory) for named, memory, _ in used),
    )
    gauge(
        "node_memory_MemAvailable_bytes",
        help="Memory that can be had.",
        series=((named, memory - taken) for named, memory, taken in used),
    )
    gauge(
        "node_memory_MemFree_bytes",
        help="Memory that nothing uses.",
        series=((named, (memory - taken) // 12288 * 4096) for named, memory, taken in used),
    )


def _tell_sensors(page: Page, hosts: Sequence[Host], at: float) -> None:
    page.family(
        "node_cpu_frequency_max_hertz",
        "gauge",
        "How fast a core can be.",
        (
            (joined(host.labels, f'cpu="{cpu}"'), 3_600_000_000 + cpu % 2 * 200_000_000)
            for host in hosts
            for cpu in range(host.node.cores)
        ),
    )
    warmth = [(host, 38 + round(30 * host.busy(at) / host.node.cores, 1)) for host in hosts]
    page.family(
        "node_thermal_zone_temp",
        "gauge",
        "How warm a zone is.",
        (
            (joined(host.labels, f'type="x86_pkg_temp",zone="{zone}"'), round(warm - 3 * zone, 1))
            for host, warm in warmth
            for zone in range(2)
        ),
    )
    page.family(
        "node_hwmon_temp_celsius",
        "gauge",
        "How warm a sensor is.",
        (
            (joined(host.labels, 'chip="platform_coretemp_0",sensor="temp1"'), warm)
            for host, warm in warmth
        ),
    )


def _tell_disks(page: Page, hosts: Sequence[Host]) -> None:
    page.family(
        "node_disk_info",
        "gauge",
        "About a disk.",
        (
            (joined(host.labels, _disk(host, number, serial)), 1)
            for host in hosts
            for number, serial in enumerate(_serials(host))
        ),
    )
    page.family(
        "node_filesystem_size_bytes",
        "gauge",
        "The size of a file system.",
        (
            (
                joined(host.labels, 'device="/dev/root",fstype="ext4",mountpoint="/"'),
                host.node.root.bytes * 95 // 100,
            )
            for host in hosts
        ),
    )


def _serials(host: Host) -> Iterator[str]:
    """Of its own disk, then of the volumes of pods that are to be on it."""
    yield host.node.root.serial
    volumes = host.cluster.volume_of
    for slot in host.cluster.by_node[host.node.number]:
        if (volume := volumes.get(slot)) is not None and volume.driver:
            yield volume.disk.serial


def _disk(host: Host, number: int, serial: str) -> str:
    return labels(
        {
            "device": f"nvme{number}n1",
            "major": 259,
            "minor": number,
            "model": CLOUDS[host.cluster.cloud].disk_model,
            "path": f"pci-0000:00:{4 + number:02x}.0-nvme-1",
            "revision": "1.0",
            "serial": serial,
            "wwn": f"nvme.{hexes(16, host.node.system_uuid, number)}",
        }
    )


def _tell_network(page: Page, hosts: Sequence[Host], at: float) -> None:
    gauge = partial(page.family, kind="gauge")
    devices = [
        (joined(host.labels, f'device="{device}"'), device, host)
        for host in hosts
        for device in _devices(host)
    ]
    gauge(
        "node_network_info",
        help="About an interface.",
        series=((joined(named, _interface(host, device)), 1) for named, device, host in devices),
    )
    gauge(
        "node_network_up",
        help="Whether an interface is up.",
        series=((named, device != "lo") for named, device, _ in devices),
    )
    gauge(
        "node_network_speed_bytes",
        help="How fast an interface is.",
        series=(
            (named, _GIGABIT if host.is_metal and device == "eth0" else _UNKNOWN_SPEED)
            for named, device, host in devices
            if device != "lo"
        ),
    )
    gauge(
        "node_network_address_info",
        help="An address of an interface.",
        series=(
            (
                joined(
                    host.labels,
                    f'address="{address}",device="{device}",netmask="{mask}",scope="{scope}"',
                ),
                1,
            )
            for host in hosts
            for device, address, mask, scope in _addresses(host)
        ),
    )
    _tell_traffic(page, hosts, at)


def _tell_traffic(page: Page, hosts: Iterable[Host], at: float) -> None:
    bytes_by = {host: host.busy_seconds(at) * 90_000 for host in hosts}
    for way, part in (("receive", 1.0), ("transmit", 0.7)):
        page.family(
            f"node_network_{way}_bytes_total",
            "counter",
            f"What an interface had to {way}.",
            (
                (joined(host.labels, 'device="eth0"'), int(count * part))
                for host, count in bytes_by.items()
            ),
        )


def _devices(host: Host) -> Iterator[str]:
    yield "eth0"
    yield "lo"
    prefix = CLOUDS[host.cluster.cloud].pod_interface
    if prefix != _IGNORED:
        for slot in host.cluster.by_node[host.node.number]:
            yield f"{prefix}{hexes(11, host.node.system_uuid, slot.index)}"


def _interface(host: Host, device: str) -> str:
    random = hexes(10, host.node.system_uuid, device)
    address = ":".join(["02", *(random[at : at + 2] for at in range(0, 10, 2))])
    is_wired = host.is_metal and device == "eth0"
    return labels(
        {
            "address": "00:00:00:00:00:00" if device == "lo" else address,
            "adminstate": "up",
            "broadcast": "ff:ff:ff:ff:ff:ff",
            "duplex": "full" if is_wired else "unknown",
            "ifalias": "",
            "operstate": "unknown" if device == "lo" else "up",
        }
    )


def _addresses(host: Host) -> Iterator[tuple[str, str, str, str]]:
    yield "eth0", host.node.ip, "16", "global"
    yield "eth0", f"fe80::{draw(host.node.system_uuid, 'link') % 0xFFFF:x}", "64", "link-local"
    yield "lo", "127.0.0.1", "8", "host"
