"""The pods of kube-state-metrics; ICOS agents pass the same on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from costwire_simulator.estate.draws import hexes
from costwire_simulator.estate.pods import Pod
from costwire_simulator.exporters.text import Page, Series

PHASES = ("Pending", "Succeeded", "Failed", "Unknown", "Running")


def key_of(pod: Pod) -> str:
    """The labels that each of its series has."""
    return f'namespace="{pod.slot.workload.namespace}",pod="{pod.name}",uid="{pod.uid}"'


def image_of(pod: Pod, number: int) -> str:
    """The image of its n-th container."""
    return f"{pod.slot.workload.containers[number].image}:1.{pod.version % 100}"


def container_id(pod: Pod, number: int) -> str:
    """The id of its n-th container at its runtime; -1 is the sandbox."""
    return hexes(64, pod.uid, pod.restarts, number)


def tell_pods(page: Page, pods: Sequence[Pod]) -> None:
    """All families of pods and containers."""
    _tell_pods(page, [(key_of(pod), pod) for pod in pods])
    _tell_containers(page, [*_containers(pods)])


def pod_info(key: str, pod: Pod) -> str:
    """The labels of `kube_pod_info`."""
    node = pod.slot.node
    return (
        f'{key},host_ip="{node.ip}",pod_ip="{pod.ip if pod.phase != "Pending" else ""}",'
        f'node="{node.name}",created_by_kind="{pod.owner_kind}",'
        f'created_by_name="{pod.owner_name}",priority_class="",host_network="false"'
    )


def phases(pods: Sequence[tuple[str, Pod]]) -> Series:
    """The series of `kube_pod_status_phase`."""
    return ((f'{key},phase="{name}"', name == pod.phase) for key, pod in pods for name in PHASES)


def _tell_pods(page: Page, pods: Sequence[tuple[str, Pod]]) -> None:
    page.family(
        "kube_pod_info", "gauge", "About a pod.", ((pod_info(key, pod), 1) for key, pod in pods)
    )
    page.family(
        "kube_pod_labels",
        "gauge",
        "A pod's labels.",
        (
            (f'{key},label_app_kubernetes_io_name="{pod.slot.workload.name}"', 1)
            for key, pod in pods
        ),
    )
    page.family(
        "kube_pod_created",
        "gauge",
        "When a pod came.",
        ((key, int(pod.created)) for key, pod in pods),
    )
    page.family("kube_pod_status_phase", "gauge", "The phase of a pod.", phases(pods))
    page.family(
        "kube_pod_status_ready",
        "gauge",
        "Whether a pod is ready.",
        (
            (f'{key},condition="{condition}"', condition == ("true" if pod.is_ready else "false"))
            for key, pod in pods
            for condition in ("true", "false", "unknown")
        ),
    )


_Container = tuple[str, Pod, int]
"""Labels, pod, and which of its containers."""


def _containers(pods: Sequence[Pod]) -> Iterator[_Container]:
    for pod in pods:
        key = key_of(pod)
        for number, container in enumerate(pod.slot.workload.containers):
            yield f'{key},container="{container.name}"', pod, number


def _tell_containers(page: Page, containers: Sequence[_Container]) -> None:
    page.family(
        "kube_pod_container_info",
        "gauge",
        "About a container of a pod.",
        ((_container_info(*one), 1) for one in containers),
    )
    page.family(
        "kube_pod_container_status_ready",
        "gauge",
        "Whether a container is ready.",
        ((key, pod.is_ready) for key, pod, _ in containers),
    )
    page.family(
        "kube_pod_container_status_restarts_total",
        "counter",
        "How often a container was started again.",
        ((key, pod.restarts) for key, pod, _ in containers),
    )
    for family, word in (("requests", "asks for"), ("limits", "may use")):
        page.family(
            f"kube_pod_container_resource_{family}",
            "gauge",
            f"What a container {word}.",
            _amounts(containers, family),
        )


def _container_info(key: str, pod: Pod, number: int) -> str:
    image = image_of(pod, number)
    runs = pod.phase != "Pending"
    image_id = f"{image.rpartition(':')[0]}@sha256:{hexes(64, image)}" if runs else ""
    id = f"containerd://{container_id(pod, number)}" if runs else ""
    return f'{key},image_spec="{image}",image="{image}",image_id="{image_id}",container_id="{id}"'


def _amounts(containers: Sequence[_Container], family: str) -> Series:
    for key, pod, number in containers:
        one = pod.slot.workload.containers[number]
        is_limit = family == "limits"
        cpu = one.cpu_limit if is_limit else one.cpu_request
        memory = one.memory_limit if is_limit else one.memory_request
        node = f'{key},node="{pod.slot.node.name}"'
        if cpu is not None:
            yield f'{node},resource="cpu",unit="core"', cpu
        if memory is not None:
            yield f'{node},resource="memory",unit="byte"', memory
