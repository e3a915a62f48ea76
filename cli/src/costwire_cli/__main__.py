"""The command `costwire`: reads the command line, runs the command's module, gives its status."""

from __future__ import annotations

import importlib
import os
import signal
import sys
from collections.abc import Sequence
from types import FrameType
from typing import NoReturn

from costwire_cli.arguments import parser
from costwire_cli.errors import INTERRUPTED, CommandError
from costwire_cli.output import complain
from costwire_runtime.process import leave_with, loading


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and give its exit status."""
    args = parser().parse_args(argv)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _interrupt)
    with loading():
        command = importlib.import_module(f"costwire_cli.commands.{args.command}")
    try:
        status: int = command.run(args)
        sys.stdout.flush()
        return status
    except CommandError as error:
        complain(f"costwire: {error}")
        return error.status
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        # Whoever read the output has gone; without this, closing stdout would complain once more.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def _interrupt(signum: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def entry() -> NoReturn:
    """Run the command of this process's arguments, and end with its exit status."""
    leave_with(main)


if __name__ == "__main__":
    entry()
