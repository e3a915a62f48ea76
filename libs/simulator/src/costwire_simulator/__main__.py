"""Starts the simulator: `python -m costwire_simulator`."""

from collections.abc import Callable

from costwire_runtime.memory import collect_seldom, share_one_arena
from costwire_runtime.process import leave_with, loading


def load() -> Callable[[], int]:
    """Load the simulator; what runs it, and gives its exit status."""
    share_one_arena()
    collect_seldom()
    with loading():
        from costwire_simulator.run import run
    return run


def main() -> int:
    """Load the simulator and run it; its exit status."""
    return load()()


if __name__ == "__main__":
    leave_with(main)
