"""Starts the aggregator: `python -m costwire_aggregator`."""

from collections.abc import Callable

from costwire_runtime.memory import collect_seldom, share_one_arena
from costwire_runtime.process import leave_with, loading, open_as_many_files_as_allowed


def load() -> Callable[[], int]:
    """Load the aggregator; what runs it, and gives its exit status."""
    share_one_arena()
    collect_seldom()
    open_as_many_files_as_allowed()
    with loading():
        from costwire_aggregator.run import run
    return run


def main() -> int:
    """Load the aggregator and run it; its exit status."""
    return load()()


if __name__ == "__main__":
    leave_with(main)
