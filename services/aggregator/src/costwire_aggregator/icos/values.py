"""What holds of the values that series tell, and of several for one thing."""

from __future__ import annotations

import math
from collections import Counter
from ipaddress import ip_address
from typing import TypeVar

from costwire_aggregator.icos.families import DEVICES, INTERFACES_UP, NODES
from costwire_aggregator.samples import Labels, Sample

_DEVICE_STATES = {-1.0: "detached", 0.0: "busy", 1.0: "available"}
_INTERFACE_STATES = {0.0: "down", 1.0: "up"}
_UNKNOWN = "unknown"
_NO_NUMBER = "its value is no number"

LeftOut = Counter[tuple[str, str]]
"""How many series of a family were not used, by the reason."""
Value = TypeVar("Value", int, float, str)


class Values:
    """The larger value holds, the last text of the alphabet; what is no number, is none."""

    def __init__(self, left_out: LeftOut) -> None:
        self._left_out = left_out

    def whole(self, sample: Sample, family: str, bits: int) -> int | None:
        """The value without its fraction; None where it has no room, or is no number."""
        most = 1 << bits - 1
        if math.isfinite(sample.value) and -most <= (whole := int(sample.value)) < most:
            return whole
        self._left_out[family, f"its value is no whole number of {bits} bits"] += 1
        return None

    def real(self, sample: Sample, family: str) -> float | None:
        """The value; None where it is no number."""
        if math.isfinite(sample.value):
            return sample.value
        self._left_out[family, _NO_NUMBER] += 1
        return None

    def coordinate(self, labels: Labels, name: str) -> float | None:
        """Degrees that a label tells."""
        text = labels.get(name, "")
        try:
            degrees = float(text) if text else None
        except ValueError:
            degrees = math.nan
        if degrees is None or math.isfinite(degrees):
            return degrees
        self._left_out[NODES, f"{name} is no number"] += 1
        return None

    def one(self, old: Value | None, new: Value | None) -> Value | None:
        """What holds of two values for one thing."""
        return larger(old, new)

    def one_text(self, old: str, new: str) -> str:
        """The same of texts; one that is empty tells nothing."""
        return max(old, new)

    def one_state(self, old: str, new: str) -> str:
        """The same of states; one that is unknown tells nothing."""
        return max(old, new, key=lambda state: (state not in ("", _UNKNOWN), state))

    def merged(self, series: list[Labels]) -> Labels:
        """The labels of all series that tell of one thing."""
        if len(series) == 1:
            return series[0]
        told = [{name: text for name, text in labels.items() if text} for labels in series]
        return {
            name: text
            for labels in sorted(told, key=lambda labels: sorted(labels.items()))
            for name, text in labels.items()
        }

    def interface_state(self, sample: Sample) -> str:
        """Of a network interface."""
        return self._state(sample, INTERFACES_UP, _INTERFACE_STATES)

    def device_state(self, sample: Sample) -> str:
        """Of a device."""
        return self._state(sample, DEVICES, _DEVICE_STATES)

    def _state(self, sample: Sample, family: str, states: dict[float, str]) -> str:
        value = self.real(sample, family)
        return "" if value is None else states.get(value, _UNKNOWN)

    def is_preferred(self, address: tuple[str, str], to: tuple[str, str]) -> bool:
        """Addresses of the network before those of the link, IPv4 before IPv6, then by text."""
        return not any(to) or _address_order(*address) < _address_order(*to)


def larger(one: Value | None, other: Value | None) -> Value | None:
    """The larger of two values of which any may be missing."""
    if one is None or other is None:
        return other if one is None else one
    return max(one, other)


def _address_order(address: str, netmask: str) -> tuple[bool, int, str, str]:
    try:
        parsed = ip_address(address)
    except ValueError:
        return True, 9, address, netmask
    return parsed.is_link_local, parsed.version, address, netmask
