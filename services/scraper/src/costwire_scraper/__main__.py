"""Starts the scraper: `python -m costwire_scraper [--once]`."""

from collections.abc import Callable

from costwire_runtime.memory import have_arrow_use_jemalloc, share_one_arena
from costwire_runtime.process import leave_with, loading


def load() -> Callable[[], int]:
    """Load the scraper; what runs it, and gives its exit status."""
    share_one_arena()
    have_arrow_use_jemalloc()
    with loading():
        from costwire_scraper.run import run
    return run


def main() -> int:
    """Load the scraper and run it; its exit status."""
    return load()()


if __name__ == "__main__":
    leave_with(main)
