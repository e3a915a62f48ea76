"""The command `costwire`, run as a user runs it."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest.mock import patch

from costwire_cli.__main__ import main
from tests.support.processes import ServiceProcess, clean_environment

COMMAND = str(Path(sys.executable).with_name("costwire"))
SECONDS = 120.0


@dataclass(frozen=True)
class Finished:
    """How a command ended, and what it said."""

    status: int
    out: str
    err: str

    def json(self) -> Any:
        """Its standard output as a JSON document."""
        return json.loads(self.out)


def start(
    arguments: Sequence[object],
    *,
    environment: Mapping[str, str] | None = None,
    folder: Path | None = None,
) -> subprocess.Popen[str]:
    """Start a command in a session of its own, without a terminal."""
    return subprocess.Popen(
        [COMMAND, *map(str, arguments)],
        env=clean_environment() | dict(environment or {}),
        cwd=folder,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def costwire(
    *arguments: object,
    given: str = "",
    environment: Mapping[str, str] | None = None,
    folder: Path | None = None,
    seconds: float = SECONDS,
) -> Finished:
    """Run a command to its end; `given` is its standard input."""
    with start(arguments, environment=environment, folder=folder) as process:
        try:
            out, err = process.communicate(given, timeout=seconds)
        except BaseException:
            os.killpg(process.pid, signal.SIGKILL)
            raise
    return Finished(process.returncode, out, err)


def costwire_here(*arguments: object, given: str = "") -> Finished:
    """Run a command in this process; services that it starts are processes all the same."""
    out, err = io.StringIO(), io.StringIO()
    handlers = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGHUP)}
    with (
        patch.object(sys, "stdin", io.StringIO(given)),
        redirect_stdout(out),
        redirect_stderr(err),
    ):
        try:
            status = main([str(argument) for argument in arguments])
        except SystemExit as ended:
            status = int(ended.code or 0)
        finally:
            for number, handler in handlers.items():
                signal.signal(number, handler)
    return Finished(status, out.getvalue(), err.getvalue())


@contextmanager
def handler_of(data: Path) -> Iterator[None]:
    """A handler of a new data folder; commands find it instead of each starting its own."""
    data.mkdir()
    handler = ServiceProcess(
        "db-handler", data.parent, data_dir=data, address_file=data / "handler.address"
    )
    with handler.start():
        handler.wait_until_ready()
        yield


class Run:
    """`costwire run ... --once` on one store."""

    def __init__(self, data: Path) -> None:
        self._data = data

    def __call__(self, *arguments: object, table: str) -> Finished:
        return costwire_here("run", *arguments, "--once", "--table", table, "--data", self._data)
