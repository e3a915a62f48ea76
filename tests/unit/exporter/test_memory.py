import subprocess
import sys

import pytest

LOOK = """
from costwire_exporter.memory import keep_freed_memory
import pyarrow as pa
keep_freed_memory()
assert pa.default_memory_pool().backend_name == "jemalloc"
assert pa.array(["a"]).to_pylist() == ["a"]
"""


def test_blocks_come_from_a_pool_that_keeps_them():
    done = subprocess.run([sys.executable, "-c", LOOK], capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, b"")


ARENAS = """
import ctypes, sys, threading
from costwire_exporter.memory import keep_freed_memory
keep_freed_memory()
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


@pytest.mark.skipif(sys.platform != "linux", reason="glibc's arenas")
def test_threads_share_an_arena() -> None:
    """With one for each, memory grew with every delivery that was asked for meanwhile."""
    done = subprocess.run([sys.executable, "-c", ARENAS], capture_output=True, check=True)
    assert done.stdout.count(b"<heap nr=") <= 2  # Arrow's import may have asked for a second
