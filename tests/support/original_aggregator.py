"""The ICOS Aggregator itself, built from its public repository."""

from __future__ import annotations

import os
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.needs import lack
from tests.support.processes import free_port
from tests.support.waiting import until


@contextmanager
def an_original(upstream: str, port_setting: str = "HTTP_PORT", **settings: str) -> Iterator[int]:
    """Its port, over an upstream; `port_setting` says whether it is of HTTP or of gRPC."""
    program = os.environ.get("COSTWIRE_TEST_ICOS_AGGREGATOR", "")
    if not Path(program).is_file():
        lack("icos-aggregator", "COSTWIRE_TEST_ICOS_AGGREGATOR names no program (go build, 30 s)")
    port = free_port()
    told = {"PROMETHEUS_ADDRESS": upstream, port_setting: str(port), **settings}
    quiet = subprocess.DEVNULL
    with subprocess.Popen([program], env=told, stdout=quiet, stderr=quiet) as process:
        try:
            until("the original listens", lambda: _listens(port), 10)
            yield port
        finally:
            process.kill()


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
