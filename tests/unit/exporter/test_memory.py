import subprocess
import sys

LOOK = """
import sys
from costwire_exporter.memory import do_without_pandas, keep_freed_memory
import pyarrow as pa
before = list(sys.meta_path)
keep_freed_memory()
do_without_pandas()
assert pa.array(["a"]).to_pylist() == ["a"]
assert "pandas" not in sys.modules
assert sys.meta_path == before
"""


def test_arrow_imports_no_pandas_and_other_imports_are_as_before():
    subprocess.run([sys.executable, "-c", LOOK], check=True)
