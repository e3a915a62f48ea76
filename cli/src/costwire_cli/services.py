"""Starts services as processes of their own, waits until they serve, and stops them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from costwire_cli.child import SETTINGS_FOLLOW
from costwire_cli.errors import CommandError
from costwire_cli.local_get import NoAnswer, local_get

START_SECONDS = 60.0
GRACE_SECONDS = 15.0
_LOOK_SECONDS = 0.02
_TAIL_BYTES = 8_192
_PORT_TAKEN = "the port is taken"
_PREFIXES = {
    "aggregator": "AGGREGATOR_",
    "db-handler": "HANDLER_",
    "exporter": "EXPORTER_",
    "scraper": "SCRAPER_",
    "simulator": "SIMULATOR_",
}
_OF_THE_ORIGINAL = frozenset(
    ("GRPC_AUTH", "GRPC_PORT", "HTTP_PORT", "ICOS_COMPAT", "KEY", "PROMETHEUS_ADDRESS")
)
"""Variables that our aggregator takes as the ICOS Aggregator does; a user's are for another one."""
_RULES = ("HANDLER_HOLD_", "HANDLER_CLOSED_", "HANDLER_HISTORY_")
"""Settings that a user's environment may give a service: what is held, closed and kept."""


class ServiceKilled(CommandError):
    """A service's process was killed from outside; starting it again can help."""


class Service:
    """A service in a process of its own; its log is a file of its own."""

    def __init__(
        self, name: str, settings: Mapping[str, str], *, log: Path, address_file: Path
    ) -> None:
        """`settings`: its environment, without prefix; `address_file`: where it writes its URL."""
        self.name = name
        self.log = log
        self._address_file = address_file
        self._prefix = _PREFIXES[name]
        self._settings = {self._prefix + setting: value for setting, value in settings.items()}
        self._port = settings.get("PORT", "")
        self._settings[f"{self._prefix}ADDRESS_FILE"] = str(address_file)
        self._module = f"costwire_{name.replace('-', '_')}"
        self._log_start = 0
        self._earlier_address: tuple[int, int] | None = None
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, *, settings_follow: bool = False) -> None:
        """Start the process.

        `settings_follow`: it loads, and waits until `give` tells the rest of its settings.
        """
        self.log.parent.mkdir(parents=True, exist_ok=True)
        self._log_start = self.log.stat().st_size if self.log.exists() else 0
        self._earlier_address = _identity(self._address_file)
        environment = {
            name: value
            for name, value in os.environ.items()
            if name.startswith(_RULES)
            or not (name.startswith(tuple(_PREFIXES.values())) or name in _OF_THE_ORIGINAL)
        }
        environment |= self._settings
        how = [SETTINGS_FOLLOW] if settings_follow else []
        command = [sys.executable, "-m", "costwire_cli.child", str(os.getpid()), *how, self._module]
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603 (our own interpreter and modules)
                command,
                env=environment,
                stdin=subprocess.PIPE if settings_follow else subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def give(self, settings: Mapping[str, str]) -> None:
        """Tell the settings that a process waits for; one that has ended needs none."""
        if self._process is None or self._process.stdin is None:
            return
        told = {self._prefix + setting: value for setting, value in settings.items()}
        with suppress(BrokenPipeError), self._process.stdin as line:
            line.write(json.dumps(told).encode() + b"\n")

    def wait_for_address(self) -> str:
        """The address that the service listens on. Raises: `CommandError` when it ends instead."""
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            if _identity(self._address_file) != self._earlier_address:
                address = read_address(self._address_file)
                if address and answers(address):
                    return address
            self.raise_if_ended()
            time.sleep(_LOOK_SECONDS)
        raise CommandError(
            f"start {self.name}: it does not serve after {START_SECONDS:.0f} seconds; "
            f"its log is {self.log}"
        )

    def wait_until_ready(self, address: str) -> None:
        """Wait for `/-/ready`. Raises: `CommandError` when the process ends instead."""
        deadline = time.monotonic() + START_SECONDS
        while not answers(address, "/-/ready"):
            self.raise_if_ended()
            if time.monotonic() > deadline:
                raise CommandError(
                    f"start {self.name}: it is not ready after {START_SECONDS:.0f} seconds; "
                    f"its log is {self.log}"
                )
            time.sleep(_LOOK_SECONDS)

    def ended(self) -> int | None:
        """The exit status of the process; None while it runs."""
        return self._process.poll() if self._process else None

    def is_running(self) -> bool:
        """Whether the process was started and has not ended."""
        return self._process is not None and self._process.poll() is None

    def raise_if_ended(self) -> None:
        """Raise `CommandError`, with the service's own last words, when its process has ended."""
        if (status := self.ended()) is not None:
            if status < 0:
                raise ServiceKilled(f"run {self.name}: its process was killed (signal {-status})")
            words = self.last_words()
            if _PORT_TAKEN in words:
                raise CommandError(
                    f"start {self.name}: port {self._port} is taken on this machine; stop what "
                    "uses it (another costwire run?), or add --once, which takes free ports"
                )
            reason = words or f"it ended with status {status}; its log is {self.log}"
            raise CommandError(f"start {self.name}: {reason}")

    def last_words(self) -> str:
        """What the service wrote last for people; else the last error of its log."""
        with self.log.open("rb") as log:
            size = log.seek(0, os.SEEK_END)
            log.seek(max(self._log_start, size - _TAIL_BYTES))
            lines = log.read().decode("utf-8", "replace").splitlines()
        plain = [line for line in lines if line.strip() and not line.startswith("{")]
        if plain:
            return "\n".join(plain[-3:]).removeprefix(f"{self.name}: ")
        errors = [error for line in lines if (error := _logged_error(line))]
        return f"{errors[-1]}; its log is {self.log}" if errors else ""

    def ask_to_end(self) -> None:
        """Have the process end; nobody waits for it yet."""
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()

    def stop(self) -> None:
        """End the process: asked first, killed when it does not end in time."""
        if self._process is None or self._process.poll() is not None:
            return
        self._process.terminate()
        try:
            self._process.wait(GRACE_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(GRACE_SECONDS)


def _logged_error(line: str) -> str | None:
    """The error of a JSON log line: its message, and the last line of its exception."""
    try:
        told = json.loads(line)
    except ValueError:
        return None
    if told.get("level") != "ERROR":
        return None
    exception = str(told.get("exception", "")).strip().rpartition("\n")[2]
    return ": ".join(part for part in (str(told.get("message", "")), exception) if part)


def _identity(file: Path) -> tuple[int, int] | None:
    """Tells a rewritten file from the one that a process which was killed left behind."""
    try:
        status = file.stat()
    except FileNotFoundError:
        return None
    return status.st_ino, status.st_mtime_ns


def read_address(file: Path) -> str | None:
    """The address that a service wrote into its file; None while there is none."""
    try:
        return file.read_text(encoding="utf-8").strip() or None
    except FileNotFoundError:
        return None


def answers(address: str, path: str = "/-/healthy") -> bool:
    """Whether a service of ours answers a probe at this address."""
    try:
        return local_get(address + path).ok
    except NoAnswer:
        return False
