"""Made-up clusters for the topology's bench: the simulator as an upstream, and what scrapes it."""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import requests

NODES, PODS, CONTAINERS = 100, 20, 2
"""Of a cluster, of a node, of a pod."""
START_SECONDS = 300.0
ANSWER_SECONDS = 300.0
_END_SECONDS = 30.0
_ASKED = re.compile(
    r'^costwire_simulator_http_request_duration_seconds_count\{.*route="[^"]*/query".*\} (\S+)$',
    re.MULTILINE,
)


class Simulator:
    """A process of the simulator whose time stands still: an upstream that takes next to none."""

    def __init__(self, url: str) -> None:
        self.url = url

    @property
    def upstream(self) -> str:
        """The small Prometheus that has all of it."""
        return f"{self.url}/prometheus/all"

    def asked(self) -> float:
        """How many questions it was asked since its start."""
        return sum(map(float, _ASKED.findall(read(f"{self.url}/-/metrics").decode())))


@contextmanager
def simulator(clusters: int, flavour: str) -> Iterator[Simulator]:
    """Start one; `flavour`: of whom the series are."""
    command = [
        *(sys.executable, "-m", "costwire_simulator", "--upstreams", "one", "--pinned"),
        *("--clusters", str(clusters), "--nodes", str(NODES), "--pods", str(PODS)),
        *("--containers", str(CONTAINERS), "--flavours", flavour, "--log-level", "WARNING"),
    ]
    port = free_port()
    with running([*command, "--port", str(port)], f"http://127.0.0.1:{port}/-/ready"):
        yield Simulator(f"http://127.0.0.1:{port}")


@contextmanager
def prometheus(of: Simulator, containers: int) -> Iterator[str | None]:
    """A real Prometheus that has scraped all of it; None where there is none on this machine."""
    if shutil.which("prometheus") is None:
        yield None
        return
    with tempfile.TemporaryDirectory(prefix="costwire-bench-prometheus-") as folder:
        configuration, port = Path(folder) / "prometheus.yml", free_port()
        configuration.write_bytes(read(f"{of.url}/prometheus.yml"))
        command = [
            *("prometheus", f"--config.file={configuration}", f"--storage.tsdb.path={folder}/data"),
            *(f"--web.listen-address=127.0.0.1:{port}", "--log.level=error"),
        ]
        url = f"http://127.0.0.1:{port}"
        with running(command, f"{url}/-/ready"):
            _wait_for(url, containers)
            yield url


@contextmanager
def running(
    command: Sequence[str], ready: str, settings: Mapping[str, str] | None = None
) -> Iterator[int]:
    """Run a program until the block ends; gives its process id once `ready` answers."""
    silent = subprocess.DEVNULL
    environment = {**os.environ, **(settings or {})}
    process = subprocess.Popen(command, env=environment, stdout=silent, stderr=silent)
    try:
        until = time.monotonic() + START_SECONDS
        while not _answers(ready):
            if process.poll() is not None or time.monotonic() > until:
                raise RuntimeError(f"{command[0]}: it did not start ({process.poll()})")
            time.sleep(0.05)
        yield process.pid
    finally:
        process.terminate()
        try:
            process.wait(_END_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def read(url: str) -> bytes:
    """The body of an answer that is no error."""
    answer = requests.get(url, timeout=ANSWER_SECONDS)
    answer.raise_for_status()
    return answer.content


def free_port() -> int:
    """One that nobody listens on."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        port: int = listening.getsockname()[1]
    return port


def _answers(url: str) -> bool:
    try:
        read(url)
    except requests.RequestException:
        return False
    return True


def _wait_for(url: str, containers: int) -> None:
    """Until all containers were scraped."""
    question = f"{url}/api/v1/query?query=count(kube_pod_container_info)"
    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until:
        told = json.loads(read(question))["data"]["result"]
        if told and int(told[0]["value"][1]) == containers:
            return
        time.sleep(1)
    raise RuntimeError("Prometheus did not scrape everything")
