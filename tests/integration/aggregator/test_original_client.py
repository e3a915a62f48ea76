"""The original's own client, and its answers, both built from its public repository."""

from __future__ import annotations

import asyncio
import math
import os
import re
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from random import Random
from typing import TypeVar

import grpc
import pytest
from google.protobuf import text_format
from tests.support.icos_upstream import IcosUpstream
from tests.support.needs import lack
from tests.support.original_aggregator import an_original

from costwire_aggregator.etim import families
from costwire_aggregator.etim.fold import Fold
from costwire_aggregator.etim.model import EtimNode
from costwire_aggregator.etim.original import OriginalFold
from costwire_aggregator.grpc.aggregator_pb2 import InfrastructureModel
from costwire_aggregator.grpc.messages import infrastructure
from costwire_aggregator.grpc.server import METHOD, SERVICE, GrpcFace, GrpcSettings
from costwire_aggregator.samples import Sample

ESTATES = 100
SECONDS = 20.0
_LOGGED = re.compile(r"\d{4}/\d\d/\d\d \d\d:\d\d:\d\d ")
"""What Go's log writes before a line."""
_CLUSTERS = ("", "north", "south", "naïve & \u2028")
_VALUES = (0.0, 5.9, -5.0, 32e9, 2.0**53, 2.0**63, 1e300, math.nan, math.inf, -math.inf)
Series = dict[str, list[Sample]]
Answer = TypeVar("Answer")


@pytest.fixture(scope="module")
def client() -> Path:
    """The client: it asks once and logs the answer in protobuf's text format."""
    program = Path(os.environ.get("COSTWIRE_TEST_ICOS_CLIENT", ""))
    if not program.is_file():
        lack("icos-client", "COSTWIRE_TEST_ICOS_CLIENT names no program (go build, 30 s)")
    return program


@pytest.fixture(scope="module")
def upstream() -> Iterator[IcosUpstream]:
    """What the original asks."""
    with IcosUpstream() as server:
        yield server


@pytest.fixture(scope="module")
def original(upstream: IcosUpstream) -> Iterator[int]:
    """The port of the original."""
    with an_original(upstream.url, "GRPC_PORT") as port:
        yield port


class Told:
    """A use case that knows its answer."""

    def __init__(self, nodes: list[EtimNode]) -> None:
        self._nodes = nodes

    async def etim_nodes(self) -> list[EtimNode]:
        return self._nodes


def estate(seed: int) -> Series:
    """Nodes of several clusters with odd labels and values, some series of one node, some of none.

    None are equal but in what is told of them: the original's answer differs in its order alone.
    """
    random = Random(seed)  # noqa: S311
    series: Series = {family: [] for family in families.OF_ORIGINAL}
    for number in range(random.randrange(40)):
        labels = {"cluster": random.choice(_CLUSTERS), "node": f"n{random.randrange(4)}"}
        labels = {name: text for name, text in labels.items() if text and random.random() < 0.9}
        labels |= {"series": str(number), "machine": random.choice(("x86_64", "aarch64"))}
        value = float(random.choice(_VALUES))
        series[random.choice(families.OF_ORIGINAL)].append(Sample(labels, value))
    return series


def ordinary() -> Series:
    """A cluster of two nodes."""
    nodes = [{"cluster": "north", "node": name} for name in ("n1", "n2")]
    return {
        families.NODES: [Sample({**nodes[0], "machine": "x86_64"}, 1), Sample(nodes[1], 1)],
        families.MEMORY_TOTAL: [Sample(nodes[0], 32e9), Sample(nodes[1], math.nan)],
        families.MEMORY_AVAILABLE: [Sample(nodes[0], 20e9)],
        families.CAPACITY: [Sample({**nodes[0], "resource": "cpu"}, 8)],
    }


async def answer(port: int) -> bytes:
    """As it is on the wire."""
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        call = channel.unary_unary(f"/{SERVICE}/{METHOD}", None, None)
        body: bytes = await call(b"", timeout=SECONDS)
        return body


async def read_by(client: Path, port: int) -> InfrastructureModel:
    """What the client logs."""
    process = await asyncio.create_subprocess_exec(
        client,
        env={"AGGR_ADDRESS": "127.0.0.1", "GRPC_PORT": str(port)},
        stderr=asyncio.subprocess.PIPE,
    )
    _, log = await asyncio.wait_for(process.communicate(), SECONDS)
    assert process.returncode == 0, log
    return text_format.Parse(_LOGGED.sub("", log.decode(), count=1), InfrastructureModel())


async def from_ours(nodes: list[EtimNode], ask: Callable[[int], Awaitable[Answer]]) -> Answer:
    """What `ask` gives of the port of ours, whose use case tells these nodes."""
    face = GrpcFace(Told(nodes), None, GrpcSettings("127.0.0.1", 0))
    try:
        return await ask(await face.start())
    finally:
        await face.stop(0)


def nodes_of(body: bytes) -> list[bytes]:
    """The nodes of an answer, each as its bytes, sorted: the original has them in any order."""
    found = []
    while body:
        assert body[0] == 0x0A
        length, at = 0, 1
        while body[at] & 0x80:
            length |= (body[at] & 0x7F) << 7 * (at - 1)
            at += 1
        length |= body[at] << 7 * (at - 1)
        found.append(body[at + 1 : at + 1 + length])
        body = body[at + 1 + length :]
    return sorted(found)


def test_strict_answers_are_the_originals_to_the_byte(
    original: int, upstream: IcosUpstream
) -> None:
    seen = 0
    for seed in range(ESTATES):
        upstream.series = estate(seed)
        theirs = nodes_of(asyncio.run(answer(original)))
        ours = asyncio.run(from_ours(OriginalFold(upstream.series).nodes(), answer))
        assert nodes_of(ours) == theirs, seed
        seen += len(theirs)
    assert seen > ESTATES


def test_originals_client_gets_from_us_what_it_gets_from_the_original(
    client: Path, original: int, upstream: IcosUpstream
) -> None:
    upstream.series = ordinary()
    theirs = asyncio.run(read_by(client, original))
    ours = asyncio.run(
        from_ours(OriginalFold(ordinary()).nodes(), lambda port: read_by(client, port))
    )
    assert len(ours.nodes) == 2
    assert list(ours.nodes) == sorted(theirs.nodes, key=lambda node: node.id)


def test_originals_client_reads_what_the_original_never_tells(client: Path) -> None:
    nodes = Fold(ordinary()).nodes()
    assert nodes[0].resources.milli_cpu == 8000
    assert nodes[0].labels
    ours = asyncio.run(from_ours(nodes, lambda port: read_by(client, port)))
    assert ours == infrastructure(nodes)
