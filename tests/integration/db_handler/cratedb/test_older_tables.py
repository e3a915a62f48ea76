"""Tables in CrateDB that an earlier version made: opened, they have what is new, and all else."""

from __future__ import annotations

import base64
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from importlib.resources import files
from typing import Any

import pytest
from tests.factories import a_broken_row, a_charge, a_report, charges, clock, without_numbers

from costwire_db_handler.ledger import State
from costwire_db_handler.repair_sheet import ReplayRequest
from costwire_db_handler.stores.cratedb import schema
from costwire_db_handler.stores.cratedb.cluster import Session
from costwire_focus.repairs import SheetRow, write_sheet

from .deliver import opened

OpenReplica = Any
BEFORE_REPAIRS = '"commit", origin, number, file, line, raw, "column", rule, reason'
COUNTED = a_broken_row(4, BilledCost="7", ListCost="n/a")
WHOLE = ",".join(a_charge(BilledCost="7", ListCost="n/a").values())  # type: ignore[arg-type]
OLD = COUNTED | {
    "raw": base64.b64encode(WHOLE.encode()).decode(),
    "column": "ListCost",
    "cells": None,
}
REPORT = a_report(charges(3), quarantine=[COUNTED])
REPAIRED = a_charge(BilledCost="7", ListCost="8", ResourceId="late")


def migration(name: str) -> list[str]:
    """The statements of a migration."""
    folder = files(schema.__package__ or "").joinpath("migrations")
    return schema.statements(folder.joinpath(name).read_text())


def make_older(session: Session) -> None:
    """Make the tables those of before there were repairs; what stands in them stays."""
    session.execute("REFRESH TABLE costwire.quarantine")
    rows = session.execute(f"SELECT {BEFORE_REPAIRS} FROM costwire.quarantine").rows  # noqa: S608
    for table in ("quarantine", "repairs"):
        session.execute(f"DROP TABLE costwire.{table}")
    for statement in migration("0001_ledger.sql"):
        if "costwire.quarantine" in statement:
            session.execute(statement)
    for row in rows:
        marks = ", ".join("?" * len(row))
        session.execute(
            f"INSERT INTO costwire.quarantine ({BEFORE_REPAIRS}) VALUES ({marks})",  # noqa: S608
            row,
        )
    forget_migrations(session, "0005_repairs.sql")


def forget_migrations(session: Session, *names: str) -> None:
    """As if they had not run, or not to their end."""
    session.execute("DELETE FROM costwire.migrations WHERE name = ANY(?)", [list(names)])
    session.execute("REFRESH TABLE costwire.migrations")


@pytest.fixture
def commit(replica: OpenReplica, session: Session) -> int:
    """A delivery of before there were repairs, in tables of that time."""
    with_old_row = replace(REPORT, quarantine=[OLD])
    store = replica("before")
    number = int(opened(store.own, with_old_row).commit)
    assert store.own.commit(number, clock).balanced
    store.close()
    make_older(session)
    return number


def test_quarantined_rows_stay_and_can_be_replayed(replica: OpenReplica, commit: int) -> None:
    store = replica().own
    assert without_numbers(store.quarantine(commit)) == [OLD]
    text = "".join(write_sheet(store.columns(commit), [SheetRow("1", "", REPAIRED)], raw=False))
    told = store.replay(commit, ReplayRequest(text.encode()), clock)
    assert (told.rows, told.entry.balanced, told.entry.rows.quarantined) == (1, True, 0)
    assert list(store.quarantine(told.entry.commit)) == []


def test_new_rows_have_their_cells_beside_old_ones(replica: OpenReplica, commit: int) -> None:
    store = replica().own
    fresh = a_report(charges(4), quarantine=[COUNTED]).generated(hours=1)
    later = store.commit(opened(store, fresh).commit, clock)
    assert (later.state, later.balanced) == (State.COMMITTED, True)
    assert without_numbers(store.quarantine(later.commit)) == [COUNTED]
    assert without_numbers(store.quarantine(commit)) == [OLD]


def test_a_migration_that_was_killed_is_gone_on_with(
    replica: OpenReplica, session: Session, commit: int
) -> None:
    session.execute(migration("0005_repairs.sql")[0])
    assert without_numbers(replica().own.quarantine(commit)) == [OLD]


def test_handlers_that_start_at_once_migrate_once(replica: OpenReplica, commit: int) -> None:
    with ThreadPoolExecutor(2) as pool:
        stores = list(pool.map(replica, ("one", "other")))
    for store in stores:
        assert without_numbers(store.own.quarantine(commit)) == [OLD]


def test_every_migration_can_be_repeated(replica: OpenReplica, session: Session) -> None:
    store = replica("before")
    number = opened(store.own, REPORT).commit
    entry = store.own.commit(number, clock)
    store.close()
    folder = files(schema.__package__ or "").joinpath("migrations")
    forget_migrations(session, *(each.name for each in folder.iterdir()))
    again = replica().own
    assert again.delivery(number) == entry
    assert without_numbers(again.quarantine(number)) == [COUNTED]
