"""`costwire run` that stays: what it serves, what it writes down, and what is left when it ends."""

from __future__ import annotations

import base64
import functools
import signal
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import psutil
import pytest
from tests.support import commands
from tests.support.commands import costwire
from tests.support.in_process import pipeline
from tests.support.layouts import AzureExport, Disk, figures, month_rows
from tests.support.needs import lack
from tests.support.processes import answers, local_get
from tests.support.reports import numbered, write_report
from tests.support.store import Store
from tests.support.waiting import until

EXPORTER, HANDLER = "http://127.0.0.1:2112", "http://127.0.0.1:8088"
PASSWORD_IN_URL, TOKEN_IN_URL = "hunter2-in-the-url", "token-in-the-query"
SERVICES = 3


@pytest.fixture(scope="module")
def ports_free(usual_ports: Callable[[], AbstractContextManager[None]]) -> Iterator[None]:
    """A run that stays takes the usual ports."""
    with usual_ports():
        for port in (2112, 8088):
            with socket.socket() as listener:
                listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                try:
                    listener.bind(("127.0.0.1", port))
                except OSError:
                    lack("ports", f"port {port} is in use on this machine")
        yield


@contextmanager
def staying(
    *arguments: object, said: list[str] | None = None
) -> Iterator[tuple[subprocess.Popen[str], list[psutil.Process]]]:
    """A `costwire run` that watches its sources by now, and the processes of its services.

    `said`: gets the lines that it says.
    """
    process = commands.start(["run", *arguments])
    lines = [] if said is None else said
    assert process.stdout is not None
    reader = threading.Thread(target=lambda: lines.extend(process.stdout or ()), daemon=True)
    reader.start()
    services: list[psutil.Process] = []
    try:
        until("it stays", lambda: any("Ctrl-C stops" in line for line in lines), 60)
        services = psutil.Process(process.pid).children()
        yield process, services
    finally:
        process.kill()
        reader.join(20)
        for stream in (process.stdin, process.stdout, process.stderr):
            if stream is not None:
                stream.close()
        process.wait(20)
        for service in psutil.wait_procs(services, 20)[1]:
            service.kill()


class ReportServer(BaseHTTPRequestHandler):
    """Serves a report to those who sign in and bring the token."""

    def __init__(self, body: bytes, *connection: object) -> None:
        self._body = body
        super().__init__(*connection)  # type: ignore[arg-type]

    def do_GET(self) -> None:
        expected = base64.b64encode(f"ann:{PASSWORD_IN_URL}".encode()).decode()
        signed_in = self.headers.get("Authorization") == f"Basic {expected}"
        known = signed_in and TOKEN_IN_URL in self.path
        self.send_response(200 if known else 401)
        self.send_header("Content-Length", str(len(self._body) if known else 0))
        self.end_headers()
        if known:
            self.wfile.write(self._body)

    def log_message(self, format: str, *args: object) -> None:
        return


@dataclass
class Life:
    """What was seen of a run over a URL with credentials, from its start to Ctrl-C."""

    data: Path
    source: str = ""
    shown: int = 0
    exposition: str = ""
    asked: str = ""
    services: int = 0
    arguments: str = ""
    ledger: str = ""
    status: int | None = None
    survivors: int = 0
    answers_after: bool = True


@pytest.fixture(scope="module")
def life(tmp_path_factory: pytest.TempPathFactory, ports_free: None) -> Life:
    """One run, watched."""
    folder = tmp_path_factory.mktemp("staying")
    body = write_report(folder / "bill.csv", numbered(30)).read_bytes()
    seen = Life(folder / "data")
    with ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(ReportServer, body)) as server:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        place = f"127.0.0.1:{server.server_address[1]}/bill.csv"
        seen.source = f"http://{place}"
        url = f"http://ann:{PASSWORD_IN_URL}@{place}?sig={TOKEN_IN_URL}"
        with staying(url, "--data", seen.data) as (process, services):
            seen.services = len(services)
            seen.arguments = "\n".join(" ".join(service.cmdline()) for service in services)
            seen.shown = Store(HANDLER, seen.data).shown("charges")[0]
            seen.exposition = local_get(f"{EXPORTER}/metrics").text
            seen.asked = costwire("sql", "SELECT count(*) FROM charges", "--data", seen.data).out
            ledger = costwire("ledger", "--format", "json", "--data", seen.data)
            seen.ledger = ledger.out + ledger.err
            process.send_signal(signal.SIGINT)
            seen.status = process.wait(30)
            seen.survivors = len(psutil.wait_procs(services, 10)[1])
            seen.answers_after = answers(f"{HANDLER}/-/healthy")
        server.shutdown()
    return seen


def test_run_serves_on_the_usual_ports_while_commands_ask_it(life: Life) -> None:
    assert life.shown == 30
    assert life.exposition.count("\nbilled_cost{") == 30
    assert life.asked.split()[-1] == "30"


def test_ctrl_c_ends_every_process(life: Life) -> None:
    assert (life.services, life.status, life.survivors) == (SERVICES, 0, 0)
    assert not life.answers_after
    assert not list(life.data.glob("run-*"))


def test_credentials_of_a_source_are_used_and_stand_nowhere(life: Life) -> None:
    assert f'"source": "{life.source}"' in life.ledger
    logs = "".join(path.read_text() for path in (life.data / "logs").iterdir())
    assert len(logs.splitlines()) > 5
    database = (life.data / "store.duckdb").read_bytes()
    for secret in (PASSWORD_IN_URL, TOKEN_IN_URL):
        assert secret not in logs + life.arguments + life.ledger + life.exposition
        assert secret.encode() not in database


def test_password_of_the_administrator_stands_in_its_file_only(life: Life) -> None:
    path = life.data / "admin.password"
    assert path.stat().st_mode & 0o777 == 0o600
    password = path.read_text().strip()
    assert len(password) >= 20
    logs = "".join(path.read_text() for path in (life.data / "logs").iterdir())
    assert password not in logs + life.arguments + life.ledger
    assert password.encode() not in (life.data / "store.duckdb").read_bytes()


@pytest.mark.usefixtures("ports_free")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_run_that_is_ended_leaves_no_process_and_a_store_that_opens(
    tmp_path: Path, number: signal.Signals
) -> None:
    report = write_report(tmp_path / "bill.csv", numbered(30))
    with staying(report, "--data", tmp_path / "data") as (process, services):
        assert len(services) == SERVICES
        process.send_signal(number)
        assert process.wait(30) == (-number if number == signal.SIGKILL else 0)
        assert psutil.wait_procs(services, 20)[1] == []
    with pipeline(tmp_path) as reopened:
        assert reopened.store.shown("charges")[0] == 30


@pytest.mark.usefixtures("ports_free")
def test_export_that_is_still_being_written_is_waited_for_with_a_message(tmp_path: Path) -> None:
    export = AzureExport(Disk(tmp_path / "bills"))
    rows = month_rows("2024-09", 30)
    (key,) = export.write("20240901-20240930", [rows], finished=False)
    size = (tmp_path / "bills" / key).stat().st_size
    said: list[str] = []
    data = tmp_path / "data"
    with staying(tmp_path / "bills", "--data", data, said=said) as (process, _):
        assert any("no run of this export has its manifest yet" in line for line in said)
        blob = {"blobName": key, "byteCount": size, "dataRowCount": len(rows)}
        export.manifest("20240901-20240930", [blob])
        until("it is delivered", lambda: any("30 read = 30 stored" in line for line in said), 90)
        assert Store(HANDLER, data).shown("charges") == figures(rows)
        assert sum("its manifest yet" in line for line in said) == 1
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 0
