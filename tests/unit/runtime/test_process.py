"""Beginning and end of a process."""

import subprocess
import sys

import pytest

LOADED = """
import gc
from costwire_runtime.process import loading
with loading():
    assert not gc.isenabled()
    import decimal
assert gc.isenabled()
assert gc.get_freeze_count() > 1000
print(any(each is decimal.__dict__ for each in gc.get_objects()))
"""
LEFT = """
import atexit, logging, logging.handlers, sys, threading
from costwire_runtime.process import leave
atexit.register(print, "taken apart")
threading.Thread(target=threading.Event().wait, daemon=False).start()
told = logging.handlers.MemoryHandler(1000, target=logging.StreamHandler(sys.stdout))
logging.getLogger().addHandler(told)
logging.getLogger().error("logged")
sys.stderr.write("said")
leave(3)
"""
LEFT_WITH = """
import atexit, sys
from costwire_runtime.process import leave_with
atexit.register(print, "taken apart")
def main():
    {}
leave_with(main)
"""


MANY_FILES = """
import resource
from costwire_runtime.process import open_as_many_files_as_allowed
_, most = resource.getrlimit(resource.RLIMIT_NOFILE)
resource.setrlimit(resource.RLIMIT_NOFILE, (64, most))
open_as_many_files_as_allowed()
print(resource.getrlimit(resource.RLIMIT_NOFILE) == (most, most))
"""


def _run(program: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False, timeout=60
    )


def test_nobody_looks_for_garbage_in_what_was_loaded() -> None:
    ended = _run(LOADED)
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "False\n", "")


@pytest.mark.parametrize(
    ("end", "status", "told"),
    [
        ("return 0", 0, ""),
        ("return 3", 3, ""),
        ("sys.exit()", 0, ""),
        ("sys.exit(2)", 2, ""),
        ("sys.exit('why')", 1, "why\n"),
    ],
)
def test_process_leaves_with_the_status_that_its_main_gives(
    end: str, status: int, told: str
) -> None:
    ended = _run(LEFT_WITH.format(end))
    assert (ended.returncode, ended.stdout, ended.stderr) == (status, "", told)


def test_fault_of_main_is_told_as_ever() -> None:
    ended = _run(LEFT_WITH.format("raise ValueError('of ours')"))
    assert (ended.returncode, ended.stdout) == (1, "taken apart\n")
    assert ended.stderr.endswith("ValueError: of ours\n")


def test_what_was_said_and_logged_is_out_when_a_process_leaves_and_nothing_holds_it_up() -> None:
    ended = _run(LEFT)
    assert (ended.returncode, ended.stdout, ended.stderr) == (3, "logged\n", "said")


def test_process_may_open_as_many_files_as_the_system_allows() -> None:
    ended = _run(MANY_FILES)
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "True\n", "")
