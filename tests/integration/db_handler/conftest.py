"""A small database as the handler keeps it, with guard and sandbox around it."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import duckdb
import pytest

from costwire_db_handler import users
from costwire_db_handler.sql.checked import BulkItem, Checked, Result
from costwire_db_handler.sql.guard import check
from costwire_db_handler.stores.duckdb.headroom import Headroom
from costwire_db_handler.stores.duckdb.locks import harden
from costwire_db_handler.stores.duckdb.parse import DuckParser
from costwire_db_handler.stores.duckdb.sandbox import Limits, Sandbox
from costwire_db_handler.stores.duckdb.user_tables import StoredCatalog, StoredOwnership
from costwire_db_handler.stores.duckdb.watchdog import MIB, Watchdog, resident_bytes
from costwire_db_handler.users import Role

_SCHEMA = """
CREATE SCHEMA costwire;
CREATE SEQUENCE costwire.commits;
CREATE TABLE costwire.tables (name VARCHAR PRIMARY KEY);
CREATE TABLE costwire.user_tables (name VARCHAR PRIMARY KEY, owner VARCHAR);
CREATE TABLE costwire.users (name VARCHAR, password_hash VARCHAR);
INSERT INTO costwire.users VALUES ('costwire', 'scrypt$hidden');
INSERT INTO costwire.tables VALUES ('charges');
INSERT INTO costwire.user_tables VALUES ('mine', 'ann'), ('hers', 'eve');
CREATE TABLE costwire."charges__current" AS
    SELECT CAST(i AS DECIMAL(38,18)) + 0.5 AS "BilledCost", 'service ' || i % 7 AS "ServiceName",
           TIMESTAMP '2024-09-01' + INTERVAL 1 HOUR * (i % 720) AS "ChargePeriodStart",
           MAP {'team': 't' || i % 3, 'a.b': 'x'} AS "Tags"
    FROM range(20000) AS r(i);
CREATE VIEW main.charges AS SELECT * FROM costwire."charges__current";
CREATE TABLE main.mine (
    id VARCHAR PRIMARY KEY, n INTEGER, ts TIMESTAMP WITH TIME ZONE, o MAP(VARCHAR, VARCHAR)
);
CREATE TABLE main.hers (secret VARCHAR);
INSERT INTO main.hers VALUES ('hers alone');
"""


class SqlFace:
    """Runs statements of users as the handler does."""

    def __init__(self, folder: Path, limits: Limits | None = None) -> None:
        self.folder = folder
        self.connection = duckdb.connect(folder / "costs.duckdb")
        self.connection.execute(_SCHEMA)
        harden(self.connection, temp_directory=folder / "spill")
        # The process of the tests is large before any statement runs.
        self.watchdog = Watchdog(ceiling_bytes=resident_bytes() + 256 * MIB)
        self.sandbox = Sandbox(self.watchdog, StoredOwnership(), limits, Headroom())
        self.parser = DuckParser()

    def checked(self, statement: str, *, role: Role = Role.WRITER, user: str = "ann") -> Checked:
        with self.connection.cursor() as cursor:
            return check(
                statement,
                role=role,
                user=user,
                catalog=StoredCatalog(cursor),
                parser=self.parser,
            )

    def run(self, statement: str, arguments: Sequence[Any] = (), **who: Any) -> Result:
        checked = self.checked(statement, **who)
        with self.connection.cursor() as cursor:
            return self.sandbox.run(cursor, checked, arguments)

    def run_bulk(self, statement: str, rows: Sequence[Sequence[Any]]) -> list[BulkItem]:
        checked = self.checked(statement)
        with self.connection.cursor() as cursor:
            return self.sandbox.run_bulk(cursor, checked, rows)

    def rows(
        self, statement: str, arguments: Sequence[Any] = (), **who: Any
    ) -> list[tuple[Any, ...]]:
        result = self.run(statement, arguments, **who)
        found: list[tuple[Any, ...]] = []
        for batch in result.batches:
            found += zip(*(column.to_pylist() for column in batch.columns), strict=True)
        return found

    def close(self) -> None:
        self.watchdog.close()
        self.parser.close()
        self.connection.close()


@pytest.fixture(scope="module", autouse=True)
def _cheap_hashes() -> Iterator[None]:
    """Passwords of tests are worth no tenth of a second; what a hash costs is tested by units."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(users, "_COST", 2**4)
        yield


@pytest.fixture
def sql_face(tmp_path: Path) -> Iterator[SqlFace]:
    """A database with cost table `charges`, ann's table `mine` and eve's table `hers`."""
    face = SqlFace(tmp_path)
    yield face
    face.close()


@pytest.fixture
def quick_sql_face(tmp_path: Path) -> Iterator[SqlFace]:
    """The same with tight limits: half a second, 1,000 rows, 1 MiB."""
    face = SqlFace(
        tmp_path, Limits(timeout_seconds=0.5, max_rows=1_000, max_result_bytes=1024 * 1024)
    )
    yield face
    face.close()


@pytest.fixture(scope="module")
def lasting_sql_face(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SqlFace]:
    """One database for a whole file of tests that change nothing."""
    face = SqlFace(tmp_path_factory.mktemp("sql"), Limits(timeout_seconds=2.0))
    yield face
    face.close()
