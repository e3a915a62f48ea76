"""What the process settles at its start: which memory it keeps, and what it does without.

Rendering a report asks for blocks of a few megabytes over and over. Handing each back to the system
costs a page fault per 4 KiB when the next one is asked for; keeping them costs some 20 MB.
"""

import ctypes
import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from types import ModuleType

import pyarrow as pa

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
    if sys.platform == "linux" and (mallopt := getattr(ctypes.CDLL(None), "mallopt", None)):
        mallopt(_TRIM_THRESHOLD, _KEPT_BYTES)
        mallopt(_MMAP_THRESHOLD, _MAPPED_BYTES)


def do_without_pandas() -> None:
    """Have Arrow find no pandas: it looks once, at its first array, and imports what it finds.

    Nothing here uses pandas; where it is installed, that import takes 0.25 CPU seconds.
    """
    finder = _NoPandas()
    sys.meta_path.insert(0, finder)
    try:
        pa.array([None])
    finally:
        sys.meta_path.remove(finder)


class _NoPandas(MetaPathFinder):
    def find_spec(
        self, fullname: str, _path: Sequence[str] | None, _target: ModuleType | None = None
    ) -> None:
        if fullname == "pandas":
            raise ModuleNotFoundError("not used by the exporter", name=fullname)
