"""Made-up series of ICOS agents: clusters of both kinds, with what goes wrong in real ones."""

from __future__ import annotations

import math
from collections.abc import Sequence
from random import Random

from costwire_aggregator.samples import Sample

Series = dict[str, list[Sample]]
_ODD_VALUES = (math.nan, math.inf, -math.inf, 1e300, -1e300, 2.0**31, 2.0**63, -0.5, 0.9, 257, 1e-7)
_ODD_TEXTS = ("", "self", "nuvla", "nuvla-1", "a<b>&c", "with \u2028 in it", "naïve", '"quoted"')
_COORDINATES = ("41.38", "-2", "0", "", "north", "1e-7", "0x1p-2", " 4", "1_0", "1e2")
_SAME = ("host-0-0", "id-host-0-0", "uid-0", "cluster 1", "nuvla", "nuvlabox/host-0-0")
"""One thing's name that is another's id, or a word that means something."""
_PHASES = ("Running", "Pending", "Failed")


class Estate:
    """One estate; `oddity` is the share of labels and values that are not what they should be."""

    def __init__(self, seed: int, *, oddity: float = 0.05) -> None:
        self._random = Random(seed)  # noqa: S311
        self._oddity = oddity
        self.series: Series = {}
        self._add("up", {"job": "agents"}, 1_753_000_000 + self._random.random() * 60)
        for number in range(self._random.randint(1, 4)):
            self._add_cluster(number)
        for samples in self.series.values():
            self._random.shuffle(samples)

    def _add(self, family: str, labels: dict[str, str], value: float) -> None:
        if not self._is_odd():
            told = {k: v if not self._is_odd() else self._odd_text() for k, v in labels.items()}
            told = {name: text for name, text in told.items() if text and not self._is_odd()}
            known = self.series.setdefault(family, [])
            if all(told != sample.labels for sample in known):
                odd = self._random.choice(_ODD_VALUES) if self._is_odd() else value
                known.append(Sample(told, float(odd)))

    def _is_odd(self) -> bool:
        return self._random.random() < self._oddity

    def _odd_text(self) -> str:
        return self._random.choice(_ODD_TEXTS + _SAME)

    def _add_cluster(self, number: int) -> None:
        is_nuvla = self._random.random() < 0.4
        uid, agent = f"uid-{number}", f"agent-{number}"
        if not is_nuvla:
            told = {"type": "ocm", "agent_id": agent, "agent_name": agent, "k8s_cluster_uid": uid}
            self._add("tlum_orch_info", told, 1)
            if self._random.random() < 0.8:
                name = f"cluster {self._random.randint(0, 3)}"
                self._add("tlum_ocm_agent_info", {"k8s_cluster_uid": uid, "name": name}, 1)
        for index in range(self._random.randint(1, 4)):
            host = f"host-{number}-{index}"
            labels = {"icos_host_id": f"id-{host}", "icos_host_name": host, "icos_agent_id": agent}
            if is_nuvla:
                told = {
                    "type": "nuvla",
                    "agent_id": f"nuvlabox/{host}",
                    "agent_name": f"fleet-{number}",
                    "icos_host_name": host,
                }
                self._add("tlum_orch_info", told, 1)
            else:
                labels["k8s_cluster_uid"] = uid
            self._add_node(labels, host)

    def _add_node(self, labels: dict[str, str], host: str) -> None:
        chance = self._random
        address = f"10.0.0.{chance.randint(1, 254)}"
        self._add(
            "node_uname_info",
            labels
            | {
                "nodename": host,
                "net_host_name": address,
                "machine": chance.choice(("x86_64", "aarch64")),
                "icos_alpha_latitude": chance.choice(_COORDINATES),
                "icos_alpha_longitude": chance.choice(_COORDINATES),
            },
            1,
        )
        checked = {"agent_hostname": host, "agent_ip": address}
        self._add("SCA_score", checked, chance.random() * 100)
        for severity in ("High", "Critical"):
            self._add("vulnerabilities", checked | {"severity": severity}, chance.randint(0, 9))
        for resource, value in (("cpu", chance.randint(0, 64)), ("memory", 2.0**35), ("pods", 110)):
            self._add("kube_node_status_capacity", labels | {"resource": resource}, value)
        for index in map(str, range(2)):
            frequency = chance.randint(10**9, 4 * 10**9)
            self._add("node_cpu_frequency_max_hertz", labels | {"cpu": index}, frequency)
            self._add("node_thermal_zone_temp", labels | {"zone": index}, chance.random() * 90)
        self._add("scaph_host_energy_microjoules_total", labels, chance.randint(0, 10**15))
        self._add("node_memory_MemFree_bytes", labels, chance.randint(0, 2**36))
        for device in ("eth0", "wlan0"):
            on = labels | {"device": device}
            self._add("node_network_info", on | {"duplex": chance.choice(("full", "unknown"))}, 1)
            self._add("node_network_up", on, chance.choice((0, 1, 1)))
            for told in (("10.1.0.1", "24"), ("fe80::1", "64"))[: chance.randint(0, 2)]:
                at = dict(zip(("address", "netmask"), told, strict=True))
                self._add("node_network_address_info", on | at, 1)
            self._add("node_network_speed_bytes", on, chance.choice((-125_000, 125_000_000)))
        for device in ("camera_front", "gps")[: chance.randint(0, 2)]:
            mounted = labels | {"device": device, "resource_path": f"/dev/{device}"}
            self._add("node_mounted", mounted, chance.choice((-1, 0, 1, 2)))
        for index in range(chance.randint(0, 3)):
            self._add_pod(labels, f"pod-{chance.randint(0, 4)}-{index}")

    def _add_pod(self, labels: dict[str, str], pod: str) -> None:
        chance = self._random
        of_pod = labels | {"pod": pod, "namespace": chance.choice(("shop", "default"))}
        self._add("kube_pod_info", of_pod | {"pod_ip": f"10.42.0.{chance.randint(1, 254)}"}, 1)
        now = chance.choice(_PHASES)
        for phase in _PHASES:
            self._add("kube_pod_status_phase", of_pod | {"phase": phase}, float(phase == now))
        for container in ("api", "proxy")[: chance.randint(0, 2)]:
            self._add("kube_pod_container_info", of_pod | {"container": container}, 1)
            used = {
                "icos_host_name": labels.get("icos_host_name", ""),
                "k8s_cluster_uid": labels.get("k8s_cluster_uid", ""),
                "k8s_pod_name": pod,
                "k8s_container_name": container,
            }
            self._add("container_cpu_utilization_ratio", used, chance.choice((0, 0.0425, 1e-9)))


def permuted(series: Series, seed: int) -> Series:
    """The same, each family in another order."""
    chance = Random(seed)  # noqa: S311

    def shuffled(samples: Sequence[Sample]) -> list[Sample]:
        return chance.sample(samples, len(samples))

    return {family: shuffled(samples) for family, samples in series.items()}
