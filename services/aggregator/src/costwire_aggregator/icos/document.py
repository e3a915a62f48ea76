"""The ICOS document as text, byte for byte as Go's encoder writes it.

A tab for each level, fields in the order of the model, keys of maps in the order of their bytes;
empty text, zeros and empty maps left out, empty structs kept; numbers in Go's form.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, TypeVar

import orjson

from costwire_aggregator.icos.model import (
    Cluster,
    Container,
    Device,
    Infrastructure,
    Interface,
    Node,
    Pod,
)

_DEEPEST = 7
"""Levels of the deepest value: a field of an interface, or of a container."""
_ESCAPES = (
    (b"<", rb"\u003c"),
    (b">", rb"\u003e"),
    (b"&", rb"\u0026"),
    ("\u2028".encode(), rb"\u2028"),
    ("\u2029".encode(), rb"\u2029"),
)
_LEAST_PLAIN, _LEAST_EXPONENT = 1e-6, 1e21
"""Between them Go writes a number without an exponent."""
_LEAST_SAME, _MOST_SAME = 1e-4, 2.0**53
"""Between them orjson writes one as Go does, unless it is whole."""
_END = b"\n}"
_Object = dict[str, Any]
_Value = TypeVar("_Value")


@dataclass(frozen=True, slots=True)
class Document:
    """A document but for the time that has passed since its oldest sample."""

    oldest: float | None
    rest: bytes
    """What stands behind the object of the times."""

    def at(self, now: float) -> bytes:
        """What stands before `rest`, at a time in seconds since 1970."""
        times = (
            ("oldestTimestamp", _number(self.oldest)),
            ("timeSinceOldest", _number(None if self.oldest is None else now - self.oldest)),
        )
        return _text({"timestamp": _filled(times)}).removesuffix(_END)


def rendered(infrastructure: Infrastructure) -> Document:
    """The document, to be completed with the time."""
    clusters = _filled([("cluster", _map(infrastructure.clusters, _cluster))])
    rest = _text({"timestamp": {}, **clusters}).removeprefix(_text({"timestamp": {}})[: -len(_END)])
    return Document(infrastructure.oldest, rest)


def document(infrastructure: Infrastructure, now: float) -> bytes:
    """The document at a time, in seconds since 1970; there is no line end at its end."""
    told = rendered(infrastructure)
    return told.at(now) + told.rest


def _text(told: _Object) -> bytes:
    text = orjson.dumps(told, option=orjson.OPT_INDENT_2)
    for level in range(_DEEPEST, 0, -1):
        text = text.replace(b"\n" + b"  " * level, b"\n" + b"\t" * level)
    for character, escaped in _ESCAPES:
        text = text.replace(character, escaped)
    return text


def number(value: float) -> float | int | orjson.Fragment:
    """A finite number, in a form that orjson writes as Go's encoder does."""
    size = abs(value)
    if value.is_integer() and size < _MOST_SAME:
        return int(value)
    if _LEAST_SAME <= size < _MOST_SAME:
        return value
    return orjson.Fragment(_go_text(value).encode())


def _go_text(value: float) -> str:
    """The fewest digits that mean this number, with an exponent only where it is far from 1."""
    is_plain = _LEAST_PLAIN <= abs(value) < _LEAST_EXPONENT
    return format(Decimal(repr(value)).normalize(), "f" if is_plain else "e")


def _filled(fields: Iterable[tuple[str, Any]]) -> _Object:
    return {name: value for name, value in fields if value}


def _number(value: float | None) -> Any:
    """Nothing for nothing, and for zero."""
    return number(value) if value else None


def _map(values: Mapping[str, _Value], written: Callable[[_Value], Any]) -> _Object:
    return {key: written(values[key]) for key in sorted(values)}


def _cluster(cluster: Cluster) -> _Object:
    return {
        **_filled((("type", cluster.type), ("uuid", cluster.uuid), ("name", cluster.name))),
        "serviceLevelAgreement": {},
        "API": {},
        **_filled((("node", _map(cluster.nodes, _node)), ("pod", _map(cluster.pods, _pod)))),
    }


def _node(node: Node) -> _Object:
    return {
        **_filled((("type", node.type), ("uuid", node.uuid), ("name", node.name))),
        "location": _filled(
            (("latitude", _number(node.latitude)), ("longitude", _number(node.longitude)))
        ),
        **_filled(
            (
                ("vulnerabilities", _map(node.vulnerabilities, int)),
                ("ScaScore", node.sca_score),
            )
        ),
        "staticMetrics": _filled(
            (
                ("cpuArchitecture", node.architecture),
                ("cpuCores", node.cores),
                ("cpuMaxFrequency", node.max_frequency),
                ("RAMMemory", node.memory),
            )
        ),
        "dynamicMetrics": {
            **_filled(
                (
                    ("cpuTemperature", _number(node.temperature)),
                    ("cpuEnergyConsumption", _number(node.energy)),
                    ("freeRAM", node.free_memory),
                )
            ),
            "availableStorage": {},
        },
        **_filled(
            (
                ("networkInterfaces", _map(node.interfaces, _interface)),
                ("devices", _map(node.devices, _device)),
            )
        ),
    }


def _interface(interface: Interface) -> _Object:
    return _filled(
        (
            ("name", interface.name),
            ("type", interface.type),
            ("speed", interface.speed),
            ("ip", interface.ip),
            ("status", interface.status),
            ("subnetMask", interface.subnet_mask),
        )
    )


def _device(device: Device) -> _Object:
    return _filled(
        (
            ("name", device.name),
            ("type", device.type),
            ("status", device.status),
            ("path", device.path),
        )
    )


def _pod(pod: Pod) -> _Object:
    return _filled(
        (
            ("name", pod.name),
            ("ip", pod.ip),
            ("status", pod.status),
            ("numberOfContainers", len(pod.containers)),
            ("container", _map(pod.containers, _container)),
        )
    )


def _container(container: Container) -> _Object:
    return _filled(
        (("name", container.name), ("node", container.node), ("cpuUsage", _number(container.cpu)))
    )
