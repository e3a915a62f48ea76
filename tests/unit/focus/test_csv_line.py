"""What holds for Python's CSV reader wherever this package uses it."""

import subprocess
import sys

import pytest

from costwire_focus.csv_line import LONGEST_RECORD


@pytest.mark.parametrize("modules", ["recount, repairs", "repairs, recount"])
def test_the_longest_cell_is_the_same_whatever_is_imported_last(modules: str) -> None:
    code = f"import csv; from costwire_focus import {modules}; print(csv.field_size_limit())"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert int(done.stdout) == LONGEST_RECORD
