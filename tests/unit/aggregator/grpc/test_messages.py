"""Bytes on the wire, against bytes that were written by hand."""

from __future__ import annotations

from costwire_aggregator.etim.model import EtimNode, Resources
from costwire_aggregator.grpc.messages import infrastructure


def field(number: int, content: bytes) -> bytes:
    """A field with a length before it: text or a message, shorter than 128 bytes."""
    return bytes([number << 3 | 2, len(content)]) + content


def test_no_nodes_are_an_empty_message() -> None:
    assert infrastructure([]).SerializeToString() == b""


def test_resources_are_present_also_when_empty() -> None:
    node = field(1, b"n1") + b"\x22\x00" + b"\x2a\x00"
    assert infrastructure([EtimNode("north", "n1")]).SerializeToString() == field(1, node)


def test_every_field_has_its_number_and_type() -> None:
    told = EtimNode(
        cluster="north",
        id="n1",
        cpu_architecture="x86_64",
        resources=Resources(8000, 2**32),
        available_resources=Resources(150, -1),
        labels=("a=1", "cluster=north"),
    )
    node = (
        field(1, b"n1")
        + field(3, b"x86_64")
        # 8000 is 0b0111110_1000000, 2**32 has its bit in the fifth group of seven.
        + field(4, b"\x08\xc0\x3e" + b"\x10\x80\x80\x80\x80\x10")
        # A negative number takes ten bytes.
        + field(5, b"\x08\x96\x01" + b"\x10" + b"\xff" * 9 + b"\x01")
        + field(6, b"a=1")
        + field(6, b"cluster=north")
    )
    other = field(1, b"n2") + b"\x22\x00" + b"\x2a\x00"
    both = infrastructure([told, EtimNode("north", "n2")])
    assert both.SerializeToString() == field(1, node) + field(1, other)
