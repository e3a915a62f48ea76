"""Beginning and end of a process."""

import subprocess
import sys

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


def _run(program: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False, timeout=60
    )


def test_nobody_looks_for_garbage_in_what_was_loaded() -> None:
    ended = _run(LOADED)
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "False\n", "")


def test_what_was_said_and_logged_is_out_when_a_process_leaves_and_nothing_holds_it_up() -> None:
    ended = _run(LEFT)
    assert (ended.returncode, ended.stdout, ended.stderr) == (3, "logged\n", "said")
