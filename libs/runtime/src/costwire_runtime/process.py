"""A process's beginning and end: what is loaded to stay, and leaving without taking it apart."""

import gc
import logging
import os
import resource
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import NoReturn

_last_acts: list[Callable[[], None]] = []


@contextmanager
def loading() -> Iterator[None]:
    """Around the imports of a start: what they make stays, so nobody looks for garbage in it.

    Neither while they run nor later (measured: a tenth of a start's CPU time). numpy is kept from
    starting a thread for each processor, for linear algebra that nobody here does.
    """
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


def open_as_many_files_as_allowed() -> None:
    """For a process with many connections: the first limit of most systems is 1,024."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(ValueError, OSError):  # where the second one is more than the system takes
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def before_leaving(act: Callable[[], None]) -> None:
    """Have something done when this process leaves."""
    _last_acts.append(act)


def leave(status: int) -> NoReturn:
    """End this process once all it said is out; to be called when all else is closed.

    The interpreter would take everything that was loaded apart first, piece by piece, which takes
    longer than the rest of a service's end (measured: 0.15 to 0.3 s); the system frees it at once.
    """
    for act in _last_acts:
        act()
    logging.shutdown()
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError):
            stream.flush()
    os._exit(status)


def leave_with(main: Callable[[], int]) -> NoReturn:
    """Run what this process is for, and leave with its exit status, whichever way it tells that."""
    try:
        status = main()
    except SystemExit as ended:
        if isinstance(ended.code, str):
            sys.stderr.write(f"{ended.code}\n")
        status = ended.code if isinstance(ended.code, int) else int(ended.code is not None)
    except BaseException:
        gc.unfreeze()  # what the interpreter cannot take down, libraries report as leaked
        raise
    leave(status)
