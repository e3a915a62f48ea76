"""The database handler in this process, asked over HTTP without a socket."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import requests
from tests.factories import Report, part_body

from costwire_db_handler.app import create_app
from costwire_db_handler.settings import Settings
from costwire_db_handler.stores.duckdb.bootstrap import ADMIN, PASSWORD_FILE
from costwire_runtime.asgi import AsgiAdapter

BASE = "http://db-handler.test"
ARROW = "application/vnd.apache.arrow.stream"


class Client:
    """Requests of one user."""

    def __init__(self, transport: AsgiAdapter, auth: tuple[str, str] | None) -> None:
        self._session = requests.Session()
        self._session.mount(BASE, transport)
        self._session.auth = auth
        self.auth = auth

    def request(self, method: str, path: str, **options: Any) -> requests.Response:
        return self._session.request(method, BASE + path, timeout=60, **options)

    def get(self, path: str, **options: Any) -> requests.Response:
        return self.request("GET", path, **options)

    def post(self, path: str, data: Any = None, **options: Any) -> requests.Response:
        return self.request("POST", path, data=data, **options)

    def delete(self, path: str) -> requests.Response:
        return self.request("DELETE", path)

    def sql_answer(self, statement: str, *arguments: Any) -> requests.Response:
        """The answer to a statement, whatever it is."""
        return self.post("/_sql", json={"stmt": statement, "args": list(arguments)})

    def sql(self, statement: str, *arguments: Any) -> list[list[Any]]:
        """The rows of a query."""
        answer = self.sql_answer(statement, *arguments)
        assert answer.status_code == 200, answer.text
        rows: list[list[Any]] = answer.json()["rows"]
        return rows

    def open(self, report: Report, query: str = "") -> requests.Response:
        """Announce a delivery."""
        return self.post(f"/deliveries{query}", report.manifest.to_json())

    def deliver(self, report: Report) -> dict[str, Any]:
        """Announce, send and commit a delivery; gives the ledger's entry."""
        opened = self.open(report)
        entry: dict[str, Any] = opened.json()["entry"]
        if opened.status_code == 200:
            return entry
        assert opened.status_code == 201, opened.text
        one = f"/deliveries/{entry['commit']}"
        for seq, part in enumerate(report.parts):
            assert self.post(f"{one}/parts?seq={seq}", part_body(part)).status_code == 204
        settled = self.post(f"{one}/commit")
        assert settled.status_code == 200, settled.text
        committed: dict[str, Any] = settled.json()
        return committed


class Running:
    """A handler that runs, and its clients."""

    def __init__(self, settings: Settings, transport: AsgiAdapter) -> None:
        self.settings = settings
        self._transport = transport
        self.password = (settings.data_dir / PASSWORD_FILE).read_text().strip()
        self.admin = self.client(ADMIN, self.password)
        self.nobody = Client(transport, None)

    def client(self, name: str, password: str) -> Client:
        return Client(self._transport, (name, password))

    def user(self, name: str, role: str) -> Client:
        """A new user of a role."""
        told = {"name": name, "role": role, "password": f"{name}'s"}
        assert self.admin.post("/users", json=told).status_code == 201
        return self.client(name, f"{name}'s")


def settings_for(data_dir: Path, **settings: Any) -> Settings:
    """Settings of a handler in a process that runs a thousand tests, and may be large."""
    # All of them come from one address.
    told = {"data_dir": data_dir, "process_memory_mib": 1 << 20, "sign_in_failures": 0}
    return Settings.model_validate(told | settings)


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Callable[..., Running]]:
    """Starts a handler over one folder; one that runs already is stopped before."""
    with ExitStack() as last:

        def start(**settings: Any) -> Running:
            last.close()
            told = settings_for(tmp_path / "data", **settings)
            app = create_app(told)
            return Running(told, last.enter_context(AsgiAdapter(app)))

        yield start


@pytest.fixture
def running(run: Callable[..., Running]) -> Running:
    """A new handler."""
    return run()


@pytest.fixture(scope="module")
def lasting(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """One handler for the tests of a file."""
    settings = settings_for(tmp_path_factory.mktemp("data"))
    with AsgiAdapter(create_app(settings)) as transport:
        yield Running(settings, transport)
