"""A service process on a free port, stopped whatever the test does."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

SCRIPT = Path(__file__).with_name("demo_service.py")
START_SECONDS = 20.0


class ServiceProcess:
    """The demo service, with its address and what it wrote."""

    def __init__(self, folder: Path, settings: dict[str, str]) -> None:
        self.address_file = folder / "run" / "address"
        self._stderr = folder / "stderr"
        environment = {
            **os.environ,
            "DEMO_ADDRESS_FILE": str(self.address_file),
            **{f"DEMO_{name}": value for name, value in settings.items()},
        }
        with self._stderr.open("wb") as stderr:
            self.process = subprocess.Popen(
                [sys.executable, SCRIPT], env=environment, stderr=stderr, stdout=subprocess.PIPE
            )

    def wait_until_serving(self) -> str:
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline and self.process.poll() is None:
            if self.address_file.exists():
                return self.address_file.read_text().strip()
            time.sleep(0.02)
        raise AssertionError(f"the service didn't start: {self.stderr}")

    def ended(self, seconds: float = START_SECONDS) -> int:
        """The exit status, once it is there."""
        return self.process.wait(seconds)

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.ended()

    @property
    def stderr(self) -> str:
        return self._stderr.read_text()

    @property
    def lines(self) -> list[dict[str, Any]]:
        """The log; each line must be JSON."""
        return [json.loads(line) for line in self.stderr.splitlines()]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., ServiceProcess]]:
    """Start the demo service with these settings (`PORT="0"`)."""
    started: list[ServiceProcess] = []

    def build(**settings: str) -> ServiceProcess:
        folder = tmp_path / str(len(started))
        folder.mkdir()
        started.append(ServiceProcess(folder, settings))
        return started[-1]

    yield build
    for service in started:
        with contextlib.suppress(ProcessLookupError):
            service.process.kill()
        service.process.wait(10)
        assert service.process.stdout is not None
        service.process.stdout.close()
