"""Services as processes of their own, on loopback, each reaped whatever the test does."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

import requests

from tests.support.waiting import until

START_SECONDS = 60.0
STOP_SECONDS = 20.0
CEILING_MIB = 512
"""What no service may take of memory."""
_BELOW_EPHEMERAL_PORTS = range(20_000, 32_000)
_PREFIXES = ("EXPORTER_", "SCRAPER_", "HANDLER_", "AGGREGATOR_", "OTEL_")
_OF_THE_ORIGINAL = (
    "PROMETHEUS_ADDRESS",
    "HTTP_PORT",
    "GRPC_PORT",
    "KEY",
    "ICOS_COMPAT",
    "GRPC_AUTH",
)


def clean_environment() -> dict[str, str]:
    """This process's environment without settings of services."""
    return {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(_PREFIXES) and name not in _OF_THE_ORIGINAL
    }


def free_port() -> int:
    """A port that nobody listens on, and that no outgoing connection is given by chance."""
    start = os.getpid() % len(_BELOW_EPHEMERAL_PORTS)
    for step in range(len(_BELOW_EPHEMERAL_PORTS)):
        port = _BELOW_EPHEMERAL_PORTS[(start + 37 * step) % len(_BELOW_EPHEMERAL_PORTS)]
        if port in _given:
            continue
        with socket.socket() as listener:
            try:
                listener.bind(("127.0.0.1", port))
            except OSError:
                continue
        _given.add(port)
        return port
    raise AssertionError("no port is free")


_given: set[int] = set()


class ServiceProcess:
    """One service: `exporter`, `scraper`, `db-handler` or `aggregator`."""

    def __init__(
        self,
        name: str,
        folder: Path,
        *,
        environment: Mapping[str, str] | None = None,
        **settings: object,
    ) -> None:
        """`folder`: of its log and address file. `settings`: its own, in lower case.

        `environment`: variables that are no settings of its own.
        """
        self.name = name
        folder.mkdir(parents=True, exist_ok=True)
        self.log = folder / f"{name}.log"
        prefix = {"db-handler": "HANDLER_"}.get(name, f"{name.upper()}_")
        told = {"port": 0, "address_file": folder / f"{name}.address"} | settings
        self.address_file = Path(str(told["address_file"]))
        self._environment = {
            f"{prefix}{setting.upper()}": str(value) for setting, value in told.items()
        } | dict(environment or {})
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Where it listens."""
        return self.address_file.read_text(encoding="utf-8").strip()

    def start(self) -> Self:
        """Start it; what an earlier process wrote into its address file is gone."""
        self.address_file.unlink(missing_ok=True)
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", f"costwire_{self.name.replace('-', '_')}"],
                env=clean_environment() | self._environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        return self

    def wait_until_ready(self) -> Self:
        """Wait for its probe."""
        until(f"{self.name} is ready", self.is_ready, START_SECONDS)
        return self

    def is_ready(self) -> bool:
        """Whether it has something to offer. Fails the test when it has ended."""
        return self.has_begun() and answers(f"{self.url}/-/ready")

    def is_running(self) -> bool:
        """Whether it was started and has not ended."""
        return self.process is not None and self.process.poll() is None

    def wait(self, seconds: float = START_SECONDS) -> int:
        """Its exit status, once it has ended by itself."""
        assert self.process is not None
        return self.process.wait(seconds)

    def peak_mib(self) -> int:
        """The most memory that it has held."""
        assert self.process is not None
        told = Path(f"/proc/{self.process.pid}/status").read_text(encoding="utf-8")
        (kibibytes,) = re.findall(r"VmHWM:\s+(\d+) kB", told)
        return int(kibibytes) // 1024

    def kill(self) -> None:
        """End it as a crash would."""
        self._end(signal.SIGKILL)

    def end_gracefully(self, within_seconds: float) -> None:
        """End it as an orchestrator does: by SIGTERM, which it answers in time with status 0.

        One that does not serve yet is waited for: Python itself ends without grace.
        """
        assert self.process is not None
        until(f"{self.name} serves", self.has_begun, START_SECONDS)
        self.process.terminate()
        try:
            status = self.process.wait(within_seconds)
        except subprocess.TimeoutExpired:
            self.kill()
            status = None
        assert status == 0, f"{self.name}: {status} after SIGTERM: {self.log.read_text()[-2_000:]}"

    def has_begun(self) -> bool:
        """Whether it serves. Fails the test when it has ended."""
        assert self.is_running(), f"{self.name} ended: {self.log.read_text()[-2_000:]}"
        return self.address_file.exists()

    def stop(self) -> None:
        """Ask it to end."""
        with suppress(subprocess.TimeoutExpired):
            self._end(signal.SIGTERM)
        self.kill()

    def _end(self, how: signal.Signals) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(how)
            self.process.wait(STOP_SECONDS)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.stop()


def answers(url: str) -> bool:
    """Whether this address answers with a success."""
    try:
        return local_get(url).ok
    except requests.RequestException:
        return False


def local_get(
    url: str,
    params: Mapping[str, str] | None = None,
    headers: Mapping[str, str] | None = None,
) -> requests.Response:
    """One GET on this machine, past any proxy."""
    return local_request("GET", url, params=params, headers=headers)


def local_request(method: str, url: str, **options: Any) -> requests.Response:
    """One request on this machine, past any proxy."""
    with requests.Session() as session:
        session.trust_env = False
        return session.request(method, url, timeout=30, **options)
