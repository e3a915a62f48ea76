"""SQL over the wire: the unchanged CrateDB client, and what a statement must not reach."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from decimal import Decimal

import psutil
import pytest
from crate import client
from crate.client.exceptions import ProgrammingError
from tests.support.in_process import Pipeline
from tests.support.processes import ServiceProcess
from tests.support.reports import charges, numbered, sums, write_report
from tests.support.store import Refused, Store

MIB = 1024 * 1024
MOST_MEMORY = 512 * MIB
TAGS = '{"team": "alpha"}'
ROWS = [*numbered(200), *charges({"ResourceId": "tagged", "Tags": TAGS, "BilledCost": "0.1"})]
ESCAPES = {
    "file read": "SELECT * FROM read_csv('/etc/passwd')",
    "file read as text": "SELECT * FROM read_text('/etc/passwd')",
    "file by its name": "SELECT * FROM '/etc/passwd'",
    "file listing": "SELECT * FROM glob('/*')",
    "file written": "COPY escapes TO 'costwire-escape.csv'",
    "database attached": "ATTACH 'costwire-escape.duckdb' AS other",
    "extension": "INSTALL httpfs",
    "extension loaded": "LOAD httpfs",
    "setting": "SET GLOBAL memory_limit = '100GB'",
    "setting read": "SELECT current_setting('temp_directory')",
    "pragma": "PRAGMA database_list",
    "checkpoint": "CHECKPOINT",
    "macro": "CREATE MACRO one() AS 1",
    "statement within a query": "SELECT * FROM query('SELECT 1')",
    "storage information": "SELECT * FROM pragma_storage_info('escapes')",
    "passwords": "SELECT * FROM costwire.users",
    "history behind the view": 'SELECT * FROM costwire."escapes__current"',
    "charges dropped": "DROP TABLE escapes",
    "charges deleted": "DELETE FROM escapes",
    "charges changed": "UPDATE escapes SET BilledCost = 0",
    "charges added": "INSERT INTO escapes (BilledCost) VALUES (1)",
    "column added": "ALTER TABLE escapes ADD COLUMN x INTEGER",
    "two statements": "SELECT 1; DROP TABLE escapes",
    "memory": "SELECT length(repeat('x', 1500000000))",
    "time": "SELECT count(*) FROM range(100000) a, range(100000) b, range(100000) c",
    "size": "SELECT * FROM range(100000000)",
}


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory, store: Store) -> Store:
    """The store, with a table that nobody may change."""
    folder = tmp_path_factory.mktemp("escapes")
    report = write_report(folder / "bill.csv", ROWS)
    assert Pipeline(store, folder).deliver(report, "escapes").exit_status == 0
    return store


@pytest.fixture(scope="module", params=["reader", "writer"])
def user(request: pytest.FixtureRequest, filled: Store) -> Iterator[Store]:
    """The store as somebody with fewer rights than its administrator sees it."""
    name, password = f"a-{request.param}", secrets.token_urlsafe(12)
    told = {"name": name, "role": request.param, "password": password}
    filled.http.post("/users", json=told)
    yield Store(filled.url, filled.data, user=(name, password))
    filled.http.delete(f"/users/{name}")


@pytest.mark.parametrize("statement", ESCAPES.values(), ids=ESCAPES)
def test_statement_that_reaches_too_far_is_refused_and_harms_nothing(
    user: Store, handler: ServiceProcess, statement: str
) -> None:
    with pytest.raises(Refused) as refused:
        user.sql(statement)
    assert refused.value.status >= 400
    assert refused.value.error["code"] >= 4000
    assert refused.value.error["message"]
    assert handler.process is not None
    assert psutil.Process(handler.process.pid).memory_info().rss < MOST_MEMORY
    assert user.shown("escapes") == (len(ROWS), sums(ROWS)["USD"])


def test_client_of_cratedb_works_unchanged(filled: Store) -> None:
    with client.connect(filled.url, username="costwire", password=filled.password) as connection:
        cursor = connection.cursor()
        cursor.execute(
            "SELECT BilledCost, tags['team'], ChargePeriodStart FROM escapes WHERE ResourceId = ?",
            ("tagged",),
        )
        ((cost, team, start),) = cursor.fetchall()
        assert (Decimal(str(cost)), team, start) == (Decimal("0.1"), "alpha", 1_725_148_800_000)
        cursor.execute("CREATE TABLE crate_own (a INTEGER PRIMARY KEY, b TEXT)")
        cursor.executemany("INSERT INTO crate_own (a, b) VALUES (?, ?)", [(1, "x"), (2, "y")])
        cursor.execute("REFRESH TABLE crate_own")
        cursor.execute("SELECT count(*), max(b) FROM crate_own")
        assert cursor.fetchall() == [[2, "y"]]
        cursor.execute("DROP TABLE crate_own")
        with pytest.raises(ProgrammingError, match="crate_own"):
            cursor.execute("SELECT * FROM crate_own")
