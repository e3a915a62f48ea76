"""A process that delivers one state after the other until it is killed; prints each of them."""

from __future__ import annotations

import sys
from pathlib import Path

from tests.factories import NOW, a_charge, a_report, clock

from costwire_db_handler.decide import Thresholds
from costwire_db_handler.ledger import State
from costwire_db_handler.stores import StoreLimits, open_store
from costwire_db_handler.stores.cratedb.cluster import ClusterOptions, Credentials
from costwire_db_handler.stores.cratedb.store import CrateDBOptions

ROWS = 60


def deliver_until_killed(
    folder: Path, cratedb: CrateDBOptions | None = None, charges: int = ROWS
) -> None:
    """Every charge of state n costs n."""
    store = open_store(folder, thresholds=Thresholds(), limits=StoreLimits(), cratedb=cratedb).own
    number = max((int(entry.generation.timestamp()) for entry in store.deliveries()), default=0)
    number = max(0, number - int(NOW.timestamp()))
    while True:
        rows = [a_charge(BilledCost=str(number), ResourceId=f"disk-{n}") for n in range(charges)]
        report = a_report(rows, part_rows=charges // 6).generated(seconds=number)
        entry = store.open_delivery(report.manifest, clock)
        if entry.state is State.OPEN:
            staged = store.staged_parts(entry.commit)
            for seq, part in enumerate(report.parts):
                if seq not in staged:
                    store.stage_part(entry.commit, seq, part, str(seq))
            store.commit(entry.commit, clock)
        sys.stdout.write(f"{number}\n")
        sys.stdout.flush()
        number += 1


def on_cratedb(url: str) -> CrateDBOptions:
    """The superuser's store."""
    return CrateDBOptions(ClusterOptions([url]), Credentials("crate", ""))


if __name__ == "__main__":
    told = dict(each.split("=", 1) for each in sys.argv[2:])
    engine = on_cratedb(told["cratedb"]) if "cratedb" in told else None
    deliver_until_killed(Path(sys.argv[1]), engine, int(told.get("charges", ROWS)))
