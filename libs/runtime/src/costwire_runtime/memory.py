"""Which memory the C library and Arrow keep, and when Python looks for garbage in cycles."""

import ctypes
import gc
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

_ARENA_MAX = -8  # of glibc's malloc.h


def share_one_arena() -> None:
    """Have threads share an arena; to be called before there are any.

    With an arena for each, glibc keeps what each of them once needed: the more threads have
    answered a request, the more.
    """
    if sys.platform == "linux" and (mallopt := getattr(ctypes.CDLL(None), "mallopt", None)):
        mallopt(_ARENA_MAX, 1)


def have_arrow_use_jemalloc() -> None:
    """Have Arrow take memory from jemalloc; to be called before Arrow is loaded.

    Left to itself it takes mimalloc, also within its own library where a process has chosen another
    pool, and that keeps 10 to 30 MiB more in each process, for no speed.
    """
    if sys.platform == "linux":  # elsewhere it may have been built without
        os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "jemalloc")


def collect_seldom() -> None:
    """Look for garbage in cycles a hundredth as often as Python does.

    For a process that makes hundreds of thousands of objects for one request, and drops them all
    behind it: what is in no cycle is freed at once anyway, and looking through all of them again
    and again took a sixth of the aggregator's CPU time (measured: 1.20 s became 1.00).
    """
    gc.set_threshold(100_000, 20, 100)


@contextmanager
def no_collecting() -> Iterator[None]:
    """Look for none meanwhile: for work that makes no cycles, among millions of things that stay.

    They would be looked through again and again, which takes as long as the work itself. It holds
    for the whole process, so the work should end soon; whoever ends first ends it for all.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()
