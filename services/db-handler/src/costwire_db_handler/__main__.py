"""Starts the database handler: `python -m costwire_db_handler`."""

from costwire_runtime.memory import share_one_arena
from costwire_runtime.process import leave, loading


def main() -> int:
    """Load the handler and run it; its exit status."""
    share_one_arena()
    # Polars makes threads when it is imported, each with an arena if that were not set by now.
    with loading():
        from costwire_db_handler.run import run
    return run()


if __name__ == "__main__":
    leave(main())
