"""What users write answers the same on the embedded store and on CrateDB.

`sql_answers.json` holds CrateDB 6.2.11's answers. Where a server is at hand it is asked as well;
with COSTWIRE_TEST_RECORD=sql its answers are written there.
"""

# ruff: noqa: S608 - all texts of statements are of this test

from __future__ import annotations

import json
import os
import re
import secrets
from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import requests
from tests.factories import a_report, part_body
from tests.integration.db_handler.sql_statements import (
    CHARGES_TABLE,
    MAY_DIFFER,
    STATEMENTS,
    Statement,
    charges,
)
from tests.support.cratedb import a_name, cratedb_url

from costwire_db_handler.app import create_app
from costwire_db_handler.settings import Settings
from costwire_runtime.asgi import AsgiAdapter

Answer = Mapping[str, Any]
Ask = Callable[[Statement], requests.Response]

RECORDED = Path(__file__).with_name("sql_answers.json")
BY_NAME = {statement.name: statement for statement in STATEMENTS}
_CLASS = re.compile(r"(\w+)\[")


def told(statement: Statement) -> dict[str, Any]:
    """The body of a request."""
    body: dict[str, Any] = {"stmt": statement.text}
    if statement.bulk is not None:
        return body | {"bulk_args": statement.bulk}
    return body | ({"args": statement.arguments} if statement.arguments else {})


def read(text: str) -> Any:
    """JSON with every digit of its numbers; `1.50` and `1.5` are one number."""
    return json.loads(text, parse_float=Decimal)


def write(value: Any) -> str:
    """JSON that `read` takes back."""
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, list):
        return "[" + ", ".join(map(write, value)) + "]"
    if isinstance(value, dict):
        items = (f"{json.dumps(key)}: {write(item)}" for key, item in value.items())
        return "{" + ", ".join(items) + "}"
    return json.dumps(value, ensure_ascii=False)


def essence(response: requests.Response) -> Answer:
    """An answer without what differs from run to run: the duration, the words of messages."""
    answer: dict[str, Any] = read(response.text)
    answer.pop("duration", None)
    for holder in (answer, *answer.get("results", ())):
        if error := holder.get("error"):
            found = _CLASS.match(error["message"])
            holder["error"] = {"code": error["code"], "class": found and found[1]}
    return {"status": response.status_code, **answer}


def run_all(ask: Ask, between: Callable[[], None] = lambda: None) -> dict[str, Answer]:
    """The answers to all statements, one after the other."""
    answers = {}
    for statement in STATEMENTS:
        answers[statement.name] = essence(ask(statement))
        between()
    return answers


@pytest.fixture(scope="module")
def embedded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Answer]]:
    """What the embedded store answers, asked through the handler."""
    folder, base = tmp_path_factory.mktemp("data"), "http://db-handler.test"
    settings = Settings.model_validate({"data_dir": folder, "process_memory_mib": 1 << 20})
    with AsgiAdapter(create_app(settings)) as transport, requests.Session() as session:
        session.mount(base, transport)
        admin = ("costwire", (folder / "admin.password").read_text().strip())

        def post(path: str, auth: tuple[str, str] = admin, **what: Any) -> requests.Response:
            return session.post(base + path, auth=auth, timeout=60, **what)

        for role in ("reader", "writer"):
            user = {"name": role, "role": role, "password": role}
            assert post("/users", json=user).status_code == 201
        report = a_report(charges())
        opened = post("/deliveries", data=report.manifest.to_json()).json()["entry"]
        delivery = f"/deliveries/{opened['commit']}"
        for seq, part in enumerate(report.parts):
            assert post(f"{delivery}/parts?seq={seq}", data=part_body(part)).status_code == 204
        assert post(f"{delivery}/commit").json()["state"] == "committed"
        yield run_all(lambda one: post("/_sql?types=true", (one.user, one.user), json=told(one)))


class Server:
    """A CrateDB with a schema for these statements alone, and a writer and a reader."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._session = requests.Session()
        self.schema = a_name("sql")
        self._password = secrets.token_urlsafe(16)

    def _post(self, body: Mapping[str, Any], auth: tuple[str, str]) -> requests.Response:
        # A new connection for each: CrateDB looks at the password once per connection.
        return requests.post(
            f"{self._url}/_sql?types=true",
            json=body,
            auth=auth,
            headers={"Default-Schema": self.schema},
            timeout=60,
        )

    def superuser(self, statement: str, *arguments: Any) -> Any:
        name = os.environ.get("COSTWIRE_TEST_CRATEDB_USER", "crate")
        auth = (name, os.environ.get("COSTWIRE_TEST_CRATEDB_PASSWORD", ""))
        answer = self._post({"stmt": statement, "args": arguments}, auth).json()
        assert "error" not in answer, (statement, answer)
        return answer["rows"]

    def make(self) -> None:
        self.superuser(CHARGES_TABLE.format(schema=f"{self.schema}_stored"))
        for charge in charges():
            row = {name.lower(): value for name, value in charge.items()}
            row["tags"] = None if row["tags"] is None else json.loads(row["tags"])
            self.superuser(
                f"INSERT INTO {self.schema}_stored.facts ({', '.join(row)})"
                f" VALUES ({', '.join('?' * len(row))})",
                *row.values(),
            )
        self.superuser(f"REFRESH TABLE {self.schema}_stored.facts")
        self.superuser(f"CREATE VIEW charges AS SELECT * FROM {self.schema}_stored.facts")
        for role, privileges in {"writer": "DQL, DML, DDL", "reader": "DQL"}.items():
            user = f"{self.schema}_{role}"
            self.superuser(f"CREATE USER {user} WITH (password = '{self._password}')")
            self.superuser(f"GRANT {privileges} ON SCHEMA {self.schema}, doc TO {user}")

    def ask(self, statement: Statement) -> requests.Response:
        body = told(statement)
        body["stmt"] = body["stmt"].replace("'doc'", f"'{self.schema}'")
        return self._post(body, (f"{self.schema}_{statement.user}", self._password))

    def refresh(self) -> None:
        """What a statement stored is seen by the next one."""
        for (table,) in self._tables("BASE TABLE"):
            self.superuser(f'REFRESH TABLE "{table}"')

    def _tables(self, kind: str) -> Any:
        return self.superuser(
            "SELECT table_name FROM information_schema.tables"
            " WHERE table_schema = ? AND table_type = ?",
            *(self.schema, kind),
        )

    def drop(self) -> None:
        self.superuser("DROP VIEW IF EXISTS charges")
        self.superuser(f"DROP TABLE IF EXISTS {self.schema}_stored.facts")
        for (table,) in self._tables("BASE TABLE"):
            self.superuser(f'DROP TABLE "{table}"')
        for role in ("writer", "reader"):
            self.superuser(f"DROP USER IF EXISTS {self.schema}_{role}")


@pytest.fixture(scope="module")
def server() -> dict[str, Answer]:
    """What a real CrateDB answers."""
    found = Server(cratedb_url())
    try:
        found.make()
        answers = run_all(found.ask, found.refresh)
    finally:
        found.drop()
    if os.environ.get("COSTWIRE_TEST_RECORD") == "sql":
        # One statement a line, numbers with all their digits.
        lines = (f" {json.dumps(name)}: {write(answer)}" for name, answer in answers.items())
        RECORDED.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")
    return answers


def recorded() -> dict[str, Answer]:
    """CrateDB's answers as they were."""
    answers: dict[str, Answer] = read(RECORDED.read_text(encoding="utf-8"))
    return answers


def test_sixty_statements_and_few_that_differ() -> None:
    assert len(BY_NAME) == len(STATEMENTS) == 60
    assert sum(bool(statement.differs) for statement in STATEMENTS) <= MAY_DIFFER


@pytest.mark.parametrize("name", BY_NAME)
def test_embedded_store_answers_as_cratedb_does(name: str, embedded: dict[str, Answer]) -> None:
    expected, answer = recorded()[name], embedded[name]
    if BY_NAME[name].differs:
        assert answer != expected, "they no longer differ: take `differs` away"
    else:
        assert answer == expected


@pytest.mark.parametrize("name", BY_NAME)
def test_cratedb_answers_as_it_did(name: str, server: dict[str, Answer]) -> None:
    assert server[name] == recorded()[name]
