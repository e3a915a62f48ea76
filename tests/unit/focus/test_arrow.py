import subprocess
import sys

LOOK = """
import sys
from costwire_focus.arrow import do_without_pandas
import pyarrow as pa
before = list(sys.meta_path)
do_without_pandas()
assert pa.array(["a"]).to_pylist() == ["a"]
assert "pandas" not in sys.modules
assert [finder for finder in sys.meta_path if finder in before] == before
assert not [each for each in sys.meta_path if type(each).__module__.startswith("costwire")]
"""


def test_arrow_imports_no_pandas_and_other_imports_are_as_before():
    done = subprocess.run([sys.executable, "-c", LOOK], capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, b"")
