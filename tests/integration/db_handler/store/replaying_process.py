"""A process that replays one row after the other until it is killed; prints each one's number."""

from __future__ import annotations

import sys
from pathlib import Path

from tests.factories import a_broken_row, a_report, charges, clock

from costwire_db_handler.decide import Thresholds
from costwire_db_handler.repair_sheet import ReplayRequest
from costwire_db_handler.stores import StoreLimits, open_store
from costwire_db_handler.stores.cratedb.cluster import ClusterOptions, Credentials
from costwire_db_handler.stores.cratedb.store import CrateDBOptions
from costwire_focus.repairs import SheetRow, write_sheet

ROWS = 400
AT_ONCE = 2
"""Rows of a sheet: both come, or neither."""
REPORT = a_report(
    charges(3),
    quarantine=[
        a_broken_row(line, BilledCost="n/a", ResourceId=f"r{line}") for line in range(ROWS)
    ],
)


def replay_until_killed(folder: Path, cratedb: CrateDBOptions | None = None) -> None:
    """Every row that is repaired costs 1."""
    store = open_store(folder, thresholds=Thresholds(), limits=StoreLimits(), cratedb=cratedb).own
    if not store.deliveries():
        opened = store.open_delivery(REPORT.manifest, clock)
        store.stage_part(opened.commit, 0, REPORT.parts[0], "0")
        store.set_quarantine(opened.commit, REPORT.quarantine)
        store.commit(opened.commit, clock)
    commit = store.deliveries()[-1].commit
    left = list(store.quarantine(commit))
    columns = store.columns(commit)
    for first in range(0, len(left), AT_ONCE):
        rows = [
            SheetRow(row["row"], row["reason"], {**row["cells"], "BilledCost": "1"})
            for row in left[first : first + AT_ONCE]
        ]
        sheet = "".join(write_sheet(columns, rows, raw=False)).encode()
        told = store.replay(commit, ReplayRequest(sheet), clock)
        sys.stdout.write(f"{told.entry.rows.repaired}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    url = sys.argv[2] if len(sys.argv) > 2 else None
    options = url and CrateDBOptions(ClusterOptions([url]), Credentials("crate", ""))
    replay_until_killed(Path(sys.argv[1]), options or None)
