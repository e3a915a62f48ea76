"""Programs that serve on this machine for a test, ended whatever it does."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.support.processes import answers
from tests.support.waiting import until

_START_SECONDS = 60.0
_STOP_SECONDS = 20.0


@contextmanager
def running(command: Sequence[str], log: Path, ready: str) -> Iterator[subprocess.Popen[bytes]]:
    """The process, once the address `ready` answers; `log`: what it says."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            cwd=log.parent,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )

    def is_ready() -> bool:
        assert process.poll() is None, f"{command[0]} ended: {log.read_text()[-2_000:]}"
        return answers(ready)

    try:
        until(f"{command[0]} is ready", is_ready, _START_SECONDS)
        yield process
    finally:
        process.terminate()
        try:
            process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(_STOP_SECONDS)
