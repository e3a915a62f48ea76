"""cAdvisor within the kubelet of a machine: what containers use.

A pod has a control group of its own, and a container that holds its network: the sandbox.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from costwire_simulator.estate.draws import hexes
from costwire_simulator.estate.model import Cluster, Node
from costwire_simulator.estate.pods import Pod, pods
from costwire_simulator.exporters.hosts import Host
from costwire_simulator.exporters.kube_pods import container_id, image_of
from costwire_simulator.exporters.text import Page, labels

_SANDBOX_IMAGE = "registry.k8s.io/pause:3.10"
_SANDBOX_BYTES = 286_720
_SANDBOX = -1
_Use = Callable[[Pod, int], float]
"""What the n-th container of a pod uses."""


def cadvisor(cluster: Cluster, node: Node, at: float) -> bytes:
    """Its text at a time; each value has that time behind it."""
    page = Page()
    running = [pod for pod in pods(cluster, at, cluster.by_node[node.number]) if pod.runs]
    host, phase = Host("", node, cluster), cluster.phase
    page.family(
        "container_cpu_usage_seconds_total",
        "counter",
        "Processor time that was used.",
        (
            (f'container="{name}",cpu="total",{rest}', value)
            for name, rest, value in [
                *_of_root(host.busy_seconds(at)),
                *_of_pods(running, lambda pod, number: pod.core_seconds(number, phase, at), 0.0),
            ]
        ),
        at,
    )
    page.family(
        "container_memory_working_set_bytes",
        "gauge",
        "Memory that is in use.",
        (
            (f'container="{name}",{rest}', value)
            for name, rest, value in [
                *_of_root(host.used_memory(at)),
                *_of_pods(
                    running, lambda pod, number: pod.memory(number, phase, at), _SANDBOX_BYTES
                ),
            ]
        ),
        at,
    )
    _tell_traffic(page, running, at)
    _tell_machine(page, node)
    return page.text()


_Told = tuple[str, str, float]
"""The container's name, its other labels, a value."""


def _of_root(value: float) -> Iterator[_Told]:
    """Of the machine as a whole."""
    yield "", 'id="/",image="",name="",namespace="",pod=""', value


def _of_pods(running: Sequence[Pod], use: _Use, of_sandbox: float) -> Iterator[_Told]:
    for pod in running:
        uses = [use(pod, number) for number in range(len(pod.slot.workload.containers))]
        of_pod = f'namespace="{pod.slot.workload.namespace}",pod="{pod.name}"'
        group = _group(pod)
        yield "", f'id="{group}",image="",name="",{of_pod}', sum(uses) + of_sandbox
        yield "", _container(pod, group, _SANDBOX, _SANDBOX_IMAGE, of_pod), of_sandbox
        for number, value in enumerate(uses):
            name = pod.slot.workload.containers[number].name
            yield name, _container(pod, group, number, image_of(pod, number), of_pod), value


def _group(pod: Pod) -> str:
    uid = pod.uid.replace("-", "_")
    return f"/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod{uid}.slice"


def _container(pod: Pod, group: str, number: int, image: str, of_pod: str) -> str:
    id = container_id(pod, number)
    return f'id="{group}/cri-containerd-{id}.scope",image="{image}",name="{id}",{of_pod}'


def _tell_traffic(page: Page, running: Sequence[Pod], at: float) -> None:
    series = [
        (
            'container="",'
            + _container(
                pod,
                _group(pod),
                _SANDBOX,
                _SANDBOX_IMAGE,
                f'interface="eth0",namespace="{pod.slot.workload.namespace}",pod="{pod.name}"',
            ),
            int((at - pod.started) * 4_000 * (1 + pod.slot.load[0])),
        )
        for pod in running
    ]
    page.family(
        "container_network_receive_bytes_total", "counter", "What pods received.", series, at
    )


def _tell_machine(page: Page, node: Node) -> None:
    named = labels(
        {
            "boot_id": hexes(32, node.system_uuid, "boot"),
            "machine_id": hexes(32, node.system_uuid, "machine"),
            "system_uuid": node.system_uuid,
        }
    )
    page.family("machine_cpu_cores", "gauge", "How many cores there are.", [(named, node.cores)])
    page.family("machine_memory_bytes", "gauge", "All memory.", [(named, node.memory)])
