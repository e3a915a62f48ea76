"""Memory that threads leave behind."""

import os
import subprocess
import sys

import pytest

ARENAS = """
import ctypes, sys, threading
libc = ctypes.CDLL(None)
libc.malloc.restype = libc.fopen.restype = ctypes.c_void_p
libc.malloc_info.argtypes = [ctypes.c_int, ctypes.c_void_p]
libc.fclose.argtypes = [ctypes.c_void_p]
together = threading.Barrier(8)

def ask():
    together.wait()
    for _ in range(1000):
        libc.malloc(1000)
    together.wait()

threads = [threading.Thread(target=ask) for _ in range(8)]
for thread in threads: thread.start()
for thread in threads: thread.join()
file = libc.fopen(b"/dev/stdout", b"w")
libc.malloc_info(0, file)
libc.fclose(file)
"""

STARTED = """
from costwire_{0}.__main__ import main
try:
    main()
except SystemExit:
    pass
"""
"""Of a setting that is missing, or wrong; the process is as it was to serve."""
STARTS = {
    "runtime": "from costwire_runtime.memory import share_one_arena as share; share()",
    "exporter": "from costwire_exporter.memory import keep_freed_memory as keep; keep()",
    "scraper": STARTED.format("scraper"),
    "db_handler": STARTED.format("db_handler"),
}


LOADED = """
from costwire_{}.__main__ import load
from costwire_runtime.process import leave
load()
import pyarrow
print(pyarrow.default_memory_pool().backend_name)
leave(0)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere Arrow may lack jemalloc")
@pytest.mark.parametrize("service", ["exporter", "scraper", "db_handler"])
def test_arrow_takes_memory_from_the_allocator_that_keeps_least(service: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", LOADED.format(service)], capture_output=True, check=True
    )
    assert (done.stdout, done.stderr) == (b"jemalloc\n", b"")


@pytest.mark.skipif(sys.platform != "linux", reason="glibc's arenas")
@pytest.mark.parametrize("service", STARTS)
def test_threads_share_an_arena(service: str) -> None:
    """With one for each, memory grew with every request that was answered meanwhile."""
    wrong = {f"{prefix}_WEB_CONFIG_FILE": "/nowhere" for prefix in ("SCRAPER", "HANDLER")}
    done = subprocess.run(
        [sys.executable, "-c", STARTS[service] + ARENAS],
        capture_output=True,
        check=True,
        env=os.environ | wrong,
    )
    assert done.stdout.count(b"<heap nr=") <= 2  # an import may have asked for a second
