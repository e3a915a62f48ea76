"""A process that takes a table over, and kills itself at one statement.

    adopt_process.py FOLDER URL TABLE before|after TEXT

TEXT is what that statement has in it; without one it goes on to the end.
"""

from __future__ import annotations

import os
import signal
import sys
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from costwire_db_handler.decide import Thresholds
from costwire_db_handler.stores import StoreLimits
from costwire_db_handler.stores.cratedb import cost_store
from costwire_db_handler.stores.cratedb.adopt import adopt
from costwire_db_handler.stores.cratedb.cluster import ClusterOptions, Credentials, Session
from costwire_db_handler.stores.cratedb.store import CrateDBOptions, CrateDBStore

PAGE_ROWS = 100


def kill_at(when: str, text: str) -> None:
    """Have the process end before or after it runs a statement with this text."""

    def watched(run: Any) -> Any:
        def watching(session: Session, statement: str, *rest: Any, **options: Any) -> Any:
            if when == "before" and text in statement:
                os.kill(os.getpid(), signal.SIGKILL)
            answer = run(session, statement, *rest, **options)
            if when == "after" and text in statement:
                os.kill(os.getpid(), signal.SIGKILL)
            return answer

        return watching

    for name in ("execute", "execute_many"):
        setattr(Session, name, watched(getattr(Session, name)))


def main(folder: str, url: str, table: str, *when: str) -> None:
    """Open the store and take the table over."""
    cost_store.adopt = partial(adopt, page_rows=PAGE_ROWS)
    store = CrateDBStore.open(
        CrateDBOptions(ClusterOptions([url]), Credentials("crate", "")),
        Path(folder),
        thresholds=Thresholds(),
        limits=StoreLimits(),
    )
    if when:
        kill_at(*when)
    sys.stdout.write(store.own.adopt(table, lambda: datetime.now(UTC)).to_json())


if __name__ == "__main__":
    main(*sys.argv[1:])
