"""`costwire adopt` against a handler of a CrateDB."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.support import original_table
from tests.support.cratedb import a_user, cratedb_url, superuser
from tests.support.cratedb_store import alone, forget_all
from tests.support.processes import ServiceProcess

TABLE = "costs_of_old"
RIGHTS = (
    "DQL, DML, DDL ON SCHEMA costwire",
    "DQL, DML, DDL ON SCHEMA doc",
)


def test_adopt_tells_of_the_delivery(costwire: Any, tmp_path: Path) -> None:
    url = cratedb_url()
    with alone(), superuser(url) as session, a_user(url, RIGHTS) as account:
        forget_all(url)
        original_table.make(session, TABLE)
        original_table.upload(session, TABLE, original_table.a_bill(50))
        settings = {
            "data_dir": tmp_path / "data",
            "cratedb_urls": url,
            "cratedb_user": account.name,
            "cratedb_password": account.password,
        }
        with ServiceProcess("db-handler", tmp_path, **settings).start() as handler:
            handler.wait_until_ready()
            where = handler.url.replace("://", f"://{account.name}:{account.password}@")
            told = costwire("adopt", "--table", TABLE, "--store", where)
            assert told.returncode == 0, told.stderr
            assert f"adopted:{TABLE} -> {TABLE}" in told.stdout
            assert "50 read = 50 stored + 0 quarantined" in told.stdout
            assert account.password not in told.stdout
            again = costwire("adopt", "--table", TABLE, "--store", where, "--format", "json")
            assert json.loads(again.stdout)["commit"] == 1
            unknown = costwire("adopt", "--table", "nosuch", "--store", where)
            assert (unknown.returncode, "there is no table" in unknown.stderr) == (1, True)
        forget_all(url)


def test_adopt_without_a_handler_says_what_it_takes(costwire: Any, tmp_path: Path) -> None:
    told = costwire("adopt", "--table", TABLE, "--data", str(tmp_path))
    assert told.returncode == 2
    assert "--store URL" in told.stderr
