"""Starts the scraper: `python -m costwire_scraper [--once]`."""

from costwire_runtime.memory import share_one_arena
from costwire_runtime.process import leave, loading


def main() -> int:
    """Load the scraper and run it; its exit status."""
    share_one_arena()
    with loading():
        from costwire_scraper.run import run
    return run()


if __name__ == "__main__":
    leave(main())
