"""Starts the database handler: `python -m costwire_db_handler`."""

from collections.abc import Callable

from costwire_runtime.memory import have_arrow_use_jemalloc, share_one_arena
from costwire_runtime.process import leave_with, loading


def load() -> Callable[[], int]:
    """Load the handler; what runs it, and gives its exit status."""
    # Polars makes threads when it is imported, each with an arena if that were not set by now.
    share_one_arena()
    have_arrow_use_jemalloc()
    with loading():
        from costwire_db_handler.run import run
    return run


def main() -> int:
    """Load the handler and run it; its exit status."""
    return load()()


if __name__ == "__main__":
    leave_with(main)
