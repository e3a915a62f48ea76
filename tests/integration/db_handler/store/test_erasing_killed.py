"""A process that is killed while it erases leaves the old file or the new one, and nothing else."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import duckdb
import pytest
from tests.factories import a_charge, a_report

from costwire_db_handler.answers.conditions import Condition
from costwire_db_handler.erasing import ErasureRequest
from costwire_db_handler.errors import StoreBusy
from costwire_db_handler.ledger import State
from costwire_db_handler.stores.duckdb import rewriting
from costwire_db_handler.stores.duckdb.database import FILE_NAME

Shop = Any
PROGRAM = Path(__file__).with_name("erasing_process.py")
ROOT = Path(__file__).parents[4]
ROWS = 60


def erase_and_kill(folder: Path, seconds: float) -> int:
    """Let the process erase something, kill it a while after; gives the last round it told."""
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path])}
    with subprocess.Popen(
        [sys.executable, PROGRAM, folder], stdout=subprocess.PIPE, text=True, env=environment
    ) as process:
        assert process.stdout is not None
        first = process.stdout.readline()
        time.sleep(seconds)
        process.kill()
        rest = process.stdout.read()
    return int((first + rest).rpartition("\n")[0].split()[-1])


def texts_in(folder: Path, text: bytes) -> list[str]:
    return [path.name for path in folder.rglob("*") if path.is_file() and text in path.read_bytes()]


def test_kill_leaves_the_old_file_or_the_new_one(duckdb_shop: Shop, tmp_path: Path) -> None:
    dice, folder = random.Random(), tmp_path / "data"  # noqa: S311 -- no secret
    for _ in range(6):
        duckdb_shop.close()
        told = erase_and_kill(folder, dice.uniform(0, 0.5))
        duckdb_shop.reopen()
        assert not list(folder.glob("*.rewriting*"))
        entries = duckdb_shop.store.deliveries()
        sent = [entry for entry in entries if entry.state not in (State.OPEN, State.ABORTED)]
        assert all(entry.balanced for entry in sent)
        erased = [int(entry.reason) for entry in entries if entry.state is State.ERASED]
        assert erased[-1] >= told
        for number in erased:
            assert texts_in(folder, f"gone-{number}-9f3c71d2".encode()) == []
        assert len(duckdb_shop.costs()) in {ROWS, ROWS + 1}
        rounds = duckdb_shop.ask("SELECT count(*) FROM charges WHERE ResourceId = 'gone'")[0][0]
        assert rounds == len(duckdb_shop.costs()) - ROWS


def _erased_but_not_rewritten(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [a_charge(ResourceId=f"disk-{n}", x_Note=f"kept {n}") for n in range(ROWS)]
    shop.deliver(a_report([*rows, a_charge(x_Note="gone-1-9f3c71d2")]))
    request = ErasureRequest("charges", Condition.read("x_Note LIKE 'gone-%'"))

    def fail(*_: object) -> None:
        raise StoreBusy("no room")

    with monkeypatch.context() as patched:
        patched.setattr(rewriting, "_copy", fail)
        with pytest.raises(StoreBusy, match="no room"):
            shop.store.erase(request, shop.tick)


def test_erasure_that_was_not_written_anew_is_so_at_the_next_start(
    duckdb_shop: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "data"
    _erased_but_not_rewritten(duckdb_shop, monkeypatch)
    assert len(duckdb_shop.costs()) == ROWS
    assert texts_in(folder, b"gone-1-9f3c71d2")
    (folder / f"{FILE_NAME}.rewriting").write_bytes(b"half of a file")
    duckdb_shop.reopen()
    assert texts_in(folder, b"gone-1-9f3c71d2") == []
    assert len(duckdb_shop.costs()) == ROWS
    assert not list(folder.glob("*.rewriting*"))


def test_erasure_that_was_not_written_anew_is_so_when_it_is_repeated(
    duckdb_shop: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _erased_but_not_rewritten(duckdb_shop, monkeypatch)
    request = ErasureRequest("charges", Condition.read("x_Note LIKE 'gone-%'"))
    again = duckdb_shop.store.erase(request, duckdb_shop.tick)
    assert again.entry.rows.erased == 0
    assert texts_in(tmp_path / "data", b"gone-1-9f3c71d2") == []
    with duckdb_shop.store._database.reading() as sql:
        assert not rewriting.is_wanted(sql)


def test_file_that_another_connection_has_open_is_left_as_it_is(
    duckdb_shop: Shop, tmp_path: Path
) -> None:
    path = tmp_path / "data" / FILE_NAME
    duckdb_shop.deliver(a_report([a_charge()]))
    with pytest.raises(StoreBusy, match="still in use"), rewriting.rewritten(path, {}, tmp_path):
        pass
    assert len(duckdb_shop.costs()) == 1


def test_numbers_and_views_go_on_in_the_new_file(duckdb_shop: Shop, tmp_path: Path) -> None:
    shop = duckdb_shop
    first = shop.deliver(a_report([a_charge(), a_charge(BilledCost="2", x_Note="gone-1")]))
    request = ErasureRequest("charges", Condition.read("x_Note = 'gone-1'"))
    erasure = shop.store.erase(request, shop.tick)
    later = shop.deliver(a_report([a_charge(BilledCost="3")]).of("gcp"))
    assert first.commit < erasure.entry.commit < later.commit
    assert sorted(cost for _, cost in shop.costs()) == sorted([a_charge()["BilledCost"], "3"])
    shop.close()
    with duckdb.connect(tmp_path / "data" / FILE_NAME, read_only=True) as sql:
        keys = sql.execute(
            "SELECT table_name FROM duckdb_constraints() WHERE constraint_type = 'PRIMARY KEY'"
        ).fetchall()
    assert {"deliveries", "shapes", "sources", "users"} <= {name for (name,) in keys}
    shop.reopen()
