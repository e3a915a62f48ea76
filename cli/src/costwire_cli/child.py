"""Runs a service in a process that ends when the one that started it does.

It may be started before all of its settings are known: then it loads, and waits for the others.
"""

from __future__ import annotations

import ctypes
import importlib
import json
import os
import signal
import sys
import threading
import time

from costwire_runtime.process import leave_with

SETTINGS_FOLLOW = "settings-follow"
"""Says that standard input will have a line with settings, as JSON."""
_PR_SET_PDEATHSIG = 1
_LOOK_SECONDS = 1.0


def end_with(parent: int) -> None:
    """Have this process told to stop when `parent` is gone, however that came about."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    else:
        threading.Thread(target=_watch, args=(parent,), daemon=True).start()
    if os.getppid() != parent:
        sys.exit(1)


def _watch(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(_LOOK_SECONDS)
    os.kill(os.getpid(), signal.SIGTERM)


def main() -> int:
    """`python -m costwire_cli.child <parent's process id> [settings-follow] <package>`."""
    parent, *follow, package = sys.argv[1:]
    end_with(int(parent))
    del sys.argv[1:]
    run = importlib.import_module(f"{package}.__main__").load()
    if follow == [SETTINGS_FOLLOW]:
        os.environ.update(json.loads(sys.stdin.buffer.readline() or "{}"))
    status: int = run()
    return status


if __name__ == "__main__":
    leave_with(main)
