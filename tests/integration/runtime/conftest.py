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

import bcrypt
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

    @property
    def url(self) -> str:
        return self.address_file.read_text().strip()

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


Start = Callable[..., ServiceProcess]


@contextlib.contextmanager
def starting(folder: Path) -> Iterator[Start]:
    """What starts the demo service with settings (`PORT="0"`); all are ended afterwards."""
    started: list[ServiceProcess] = []

    def build(**settings: str) -> ServiceProcess:
        own = folder / str(len(started))
        own.mkdir()
        started.append(ServiceProcess(own, settings))
        return started[-1]

    yield build
    for service in started:
        with contextlib.suppress(ProcessLookupError):
            service.process.kill()
        service.process.wait(10)
        assert service.process.stdout is not None
        service.process.stdout.close()


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Start the demo service with these settings."""
    with starting(tmp_path) as build:
        yield build


@pytest.fixture(scope="module")
def impatient(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServiceProcess]:
    """A service that takes little and waits for nobody, for the tests of a file."""
    with starting(tmp_path_factory.mktemp("impatient")) as build:
        service = build(
            HEADER_TIMEOUT_SECONDS="0.5",
            KEEP_ALIVE_SECONDS="1",
            SEND_TIMEOUT_SECONDS="0.5",
            HEADER_LIMIT_KIB="1",
            URL_LIMIT_BYTES="256",
        )
        service.wait_until_serving()
        yield service


@pytest.fixture
def certificates(tmp_path: Path) -> Path:
    """A self-signed certificate for 127.0.0.1: `tls.crt`, `tls.key`."""
    command = (
        "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=127.0.0.1 "
        "-addext subjectAltName=IP:127.0.0.1 -keyout tls.key -out tls.crt"
    )
    try:
        subprocess.run(command.split(), cwd=tmp_path, check=True, capture_output=True, timeout=60)
    except FileNotFoundError:
        pytest.skip("TLS: the command openssl is not installed")
    return tmp_path


@pytest.fixture
def web_config(certificates: Path) -> Path:
    file = certificates / "web.yml"
    hashed = bcrypt.hashpw(b"wonderland", bcrypt.gensalt(4)).decode()
    file.write_text(
        "tls_server_config:\n  cert_file: tls.crt\n  key_file: tls.key\n  min_version: TLS13\n"
        "http_server_config:\n  headers:\n    X-Frame-Options: deny\n"
        f"basic_auth_users:\n  alice: {hashed}\n"
    )
    return file
