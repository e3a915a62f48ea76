import subprocess
import sys

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
