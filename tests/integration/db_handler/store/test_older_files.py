"""Files of the embedded store that an earlier version made: opened, they have what is new."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb
import pytest
from tests.factories import a_charge, a_report, charges

from costwire_db_handler.ledger import State

Shop = Any
VIEWS = ("charges__versions", "charges__states")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "data" / "store.duckdb"


def without_views(file: Path, *more: str) -> None:
    """Make the file one of before there were such views."""
    with duckdb.connect(file) as beside:
        for name in VIEWS:
            beside.execute(f"DROP VIEW {name}")
        for statement in more:
            beside.execute(statement)


def test_views_are_made_at_opening(duckdb_shop: Shop, file: Path) -> None:
    shop = duckdb_shop
    shop.deliver(a_report(charges(3)))
    shop.close()
    without_views(file)
    shop.reopen()
    assert shop.ask("SELECT count(*) FROM charges__versions") == [(3,)]
    assert shop.ask("SELECT count(*) FROM charges__states") == [(1,)]


def test_users_table_stays_and_deliveries_go_on(duckdb_shop: Shop, file: Path) -> None:
    shop = duckdb_shop
    shop.deliver(a_report(charges(3)))
    shop.close()
    mine = "INSERT INTO costwire.user_tables VALUES ('charges__states', 'will')"
    without_views(file, "CREATE TABLE charges__states (mine INTEGER)", mine)
    shop.reopen()
    late = a_report([*charges(3), a_charge(x_Late="1")]).generated(hours=1)
    assert shop.deliver(late).state is State.COMMITTED
    assert shop.ask("SELECT count(*) FROM charges__versions WHERE x_Late = '1'") == [(1,)]
    shop.change("INSERT INTO charges__states VALUES (1)")
    shop.change("DROP TABLE charges__states")
    shop.reopen()
    assert shop.ask("SELECT count(*) FROM charges__states") == [(2,)]
