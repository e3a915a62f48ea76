"""A process that delivers a charge and erases it, until it is killed; prints each that has gone."""

from __future__ import annotations

import sys
from pathlib import Path

from tests.factories import a_charge, a_report, clock

from costwire_db_handler.answers.conditions import Condition
from costwire_db_handler.decide import Thresholds
from costwire_db_handler.erasing import ErasureRequest
from costwire_db_handler.ledger import State
from costwire_db_handler.stores import StoreLimits, open_store

ROWS = 60


def name_of(number: int) -> str:
    """The text of the charge that is erased in a round."""
    return f"gone-{number}-9f3c71d2"


def erase_until_killed(folder: Path) -> None:
    """Every round: a state of sixty charges and one more, which is then erased."""
    store = open_store(folder, thresholds=Thresholds(), limits=StoreLimits()).own
    number = sum(entry.state is State.ERASED for entry in store.deliveries())
    number += len(store.deliveries())
    while True:
        number += 1
        rows = [a_charge(ResourceId=f"disk-{n}", x_Note=f"kept {n}") for n in range(ROWS)]
        rows.append(a_charge(ResourceId="gone", x_Note=name_of(number)))
        report = a_report(rows).generated(hours=number)
        entry = store.open_delivery(report.manifest, clock)
        for seq, part in enumerate(report.parts):
            store.stage_part(entry.commit, seq, part, str(seq))
        store.commit(entry.commit, clock)
        condition = Condition.read("x_Note LIKE 'gone-%'")
        store.erase(ErasureRequest("charges", condition, reason=str(number)), clock)
        sys.stdout.write(f"{number}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    erase_until_killed(Path(sys.argv[1]))
