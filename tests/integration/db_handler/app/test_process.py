"""The handler as a process of its own: the start, and a client that knows CrateDB alone."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path

import pytest
import requests
from crate import client as crate_client
from crate.client.exceptions import ProgrammingError
from tests.factories import a_charge, a_report, charges, part_body

COMMAND = [sys.executable, "-m", "costwire_db_handler"]
START_SECONDS = 30.0


def environment(data: Path, **settings: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("HANDLER_")}
    told = {"data_dir": str(data), "port": "0", "address_file": str(data / "handler.address")}
    return kept | {f"HANDLER_{name.upper()}": value for name, value in (told | settings).items()}


@contextmanager
def handler(data: Path) -> Iterator[str]:
    """A handler that serves; gives its address."""
    data.mkdir(parents=True, exist_ok=True)
    with (data / "log").open("wb") as log:
        process = subprocess.Popen(COMMAND, env=environment(data), stdout=log, stderr=log)
    try:
        deadline = time.monotonic() + START_SECONDS
        while not (data / "handler.address").exists():
            assert process.poll() is None, (data / "log").read_text()
            assert time.monotonic() < deadline
            time.sleep(0.05)
        yield (data / "handler.address").read_text().strip()
        process.terminate()
        assert process.wait(20) == 0
    finally:
        process.kill()
        process.wait(20)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("handler") / "data"


@pytest.fixture(scope="module")
def address(data: Path) -> Iterator[str]:
    """A handler with thirty charges."""
    with handler(data) as url:
        deliver(url, data)
        yield url


def deliver(url: str, data: Path) -> None:
    tagged = a_charge(Tags='{"team": "a", "a.b": "x"}', ResourceId="tagged", BilledCost="0.1")
    report = a_report([tagged, *charges(29)])
    with requests.Session() as session:
        session.auth = ("costwire", (data / "admin.password").read_text().strip())
        opened = session.post(f"{url}/deliveries", report.manifest.to_json(), timeout=30)
        one = f"{url}/deliveries/{opened.json()['entry']['commit']}"
        session.post(f"{one}/parts?seq=0", part_body(report.parts[0]), timeout=30)
        assert session.post(f"{one}/commit", timeout=30).json()["balanced"]


def test_crate_client_reads_charges(address: str, data: Path) -> None:
    password = (data / "admin.password").read_text().strip()
    with crate_client.connect(address, username="costwire", password=password) as connection:
        cursor = connection.cursor()
        cursor.execute(
            "SELECT tags['team'], tags['a.b'], BilledCost::text, ChargePeriodStart "
            "FROM charges WHERE ResourceId = ?",
            ("tagged",),
        )
        ((team, dotted, cost, start),) = cursor.fetchall()
        assert (team, dotted, Decimal(cost)) == ("a", "x", Decimal("0.1"))
        assert start == 1725148800000
        cursor.execute("SELECT count(*), sum(billedcost) FROM charges")
        assert cursor.fetchone() == [30, 442.35]
        assert [column[0] for column in cursor.description] == ["count", "sum"]


def test_crate_client_is_told_errors_as_cratedb_tells_them(address: str, data: Path) -> None:
    password = (data / "admin.password").read_text().strip()
    with crate_client.connect(address, username="costwire", password=password) as connection:
        with pytest.raises(ProgrammingError, match=r"RelationUnknown\[Relation 'nothing' unknown"):
            connection.cursor().execute("SELECT * FROM nothing")
        with pytest.raises(ProgrammingError, match="SQLParseException"):
            connection.cursor().execute("SELEC 1")
    with (
        crate_client.connect(address, username="costwire", password="guess") as connection,
        pytest.raises(ProgrammingError),
    ):
        connection.cursor().execute("SELECT 1")


def test_second_handler_on_a_folder_is_told_who_has_it(address: str, data: Path) -> None:
    second = subprocess.run(
        COMMAND,
        env=environment(data, address_file=str(data / "second.address")),
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert second.returncode == 1
    (line,) = [line for line in second.stderr.splitlines() if not line.startswith("{")]
    assert line == (
        f"open {data / 'store.duckdb'}: another process has it open; stop that one, or ask it by "
        "HTTP (its address stands in handler.address beside the file)"
    )
    assert requests.get(f"{address}/-/ready", timeout=10).status_code == 200


def test_folder_that_cannot_be_used_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    settings = {"address_file": str(tmp_path / "address")}
    for folder, message in (("file", "File exists"), ("file/below", "Not a directory")):
        told = subprocess.run(
            COMMAND,
            env=environment(tmp_path / folder, **settings),
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert told.returncode == 1
        start = f"open {tmp_path / folder / 'store.duckdb'}: {message}; choose another folder"
        assert start in told.stderr.splitlines()


def test_wrong_setting_is_one_line(tmp_path: Path) -> None:
    told = subprocess.run(
        COMMAND,
        env=environment(tmp_path, hold_withdrawn_share="2"),
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert told.returncode == 2
    assert told.stderr == (
        "HANDLER_HOLD_WITHDRAWN_SHARE: input should be less than or equal to 1 (it is '2')\n"
    )
