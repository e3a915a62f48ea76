"""Which memory the process keeps.

Rendering a report asks for blocks of a few megabytes over and over. Handing each back to the system
costs a page fault per 4 KiB when the next one is asked for; keeping them costs some 20 MB. One
arena serves all threads: with one for each, every delivery that is asked for while the next one is
rendered left some 200 MB behind.
"""

import ctypes
import sys

import pyarrow as pa

from costwire_runtime.memory import share_one_arena

_ARROW_KEEPS_MS = 1_000
_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3  # of glibc's malloc.h
_KEPT_BYTES = 64 << 20
_MAPPED_BYTES = 32 << 20


def keep_freed_memory() -> None:
    """Have Arrow's pool and the C library keep freed blocks for the next of their size."""
    # Arrow's default pool keeps about 75 MB more of what it has freed while a report is rendered.
    if "jemalloc" in pa.supported_memory_backends():
        pa.set_memory_pool(pa.jemalloc_memory_pool())
        pa.jemalloc_set_decay_ms(_ARROW_KEEPS_MS)
    share_one_arena()
    if sys.platform == "linux" and (mallopt := getattr(ctypes.CDLL(None), "mallopt", None)):
        mallopt(_TRIM_THRESHOLD, _KEPT_BYTES)
        mallopt(_MMAP_THRESHOLD, _MAPPED_BYTES)
