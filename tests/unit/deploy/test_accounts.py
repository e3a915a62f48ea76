"""The accounts that the composition makes at its start."""

from __future__ import annotations

import runpy
from collections.abc import Mapping
from typing import Any

import pytest
from tests.support.composition import ROOT, composition

from costwire_db_handler.stores.cratedb import privileges
from costwire_db_handler.users import Role

SCRIPT = ROOT / "deploy" / "compose" / "accounts.py"


class Server:
    """Remembers what it was sent."""

    def __init__(self, known: frozenset[str] = frozenset()) -> None:
        self._known = known
        self.sent: list[tuple[str, Mapping[str, Any], Mapping[str, str]]] = []

    def post(self, path: str, body: Mapping[str, Any], headers: Mapping[str, str]) -> Any:
        self.sent.append((path, body, headers))
        return {"rows": [[name] for name in body.get("args", []) if name in self._known]}

    @property
    def statements(self) -> list[str]:
        return [body["stmt"] for _, body, _ in self.sent]


def password_of(name: str) -> str:
    return f"secret of {name}"


@pytest.fixture
def script() -> dict[str, Any]:
    return runpy.run_path(str(SCRIPT))


def test_the_first_start_makes_the_handlers_account_and_the_admin(script: dict[str, Any]) -> None:
    server = Server()
    script["database"](server.post, password_of)
    assert [each for each in server.statements if "USER" in each] == [
        'CREATE USER "db-handler" WITH (password = ?)',
        'CREATE USER "costwire" WITH (password = ?)',
    ]


def test_a_later_start_gives_them_the_passwords_of_the_files(script: dict[str, Any]) -> None:
    server = Server(frozenset({"db-handler", "costwire"}))
    script["database"](server.post, password_of)
    changed = [
        (body["stmt"], *body["args"]) for _, body, _ in server.sent if "ALTER" in body["stmt"]
    ]
    assert changed == [
        ('ALTER USER "db-handler" SET (password = ?)', "secret of db-handler"),
        ('ALTER USER "costwire" SET (password = ?)', "secret of costwire"),
    ]


def test_the_handler_has_the_rights_of_its_account_and_the_admin_those_of_admins(
    script: dict[str, Any],
) -> None:
    server = Server()
    script["database"](server.post, password_of)
    assert [each for each in server.statements if each.startswith("GRANT")] == [
        *(grant.to("db-handler") for grant in privileges.HANDLER),
        *(grant.to("costwire") for grant in privileges.ROLES[Role.ADMIN]),
    ]


def test_no_password_is_part_of_a_statement(script: dict[str, Any]) -> None:
    """CrateDB keeps the statements that it ran."""
    server = Server()
    script["database"](server.post, password_of)
    assert not [each for each in server.statements if "secret" in each]


def test_the_admin_makes_who_delivers_a_writer_and_who_asks_a_reader(
    script: dict[str, Any],
) -> None:
    server = Server()
    script["users"](server.post, password_of)
    assert [body for _, body, _ in server.sent] == [
        {"name": "scraper", "role": "writer", "password": "secret of scraper"},
        {"name": "aggregator", "role": "reader", "password": "secret of aggregator"},
        {"name": "reader", "role": "reader", "password": "secret of reader"},
    ]
    assert {path for path, _, _ in server.sent} == {"/users"}


def test_the_accounts_are_those_that_the_composition_has_passwords_of(
    script: dict[str, Any],
) -> None:
    services = composition("docker-compose.yml")["services"]
    assert services["cratedb-accounts"]["secrets"] == [script["HANDLER"], script["ADMIN"]]
    assert services["users"]["secrets"] == [script["ADMIN"], *script["ROLES"]]
    handler = services["db-handler"]["environment"]
    assert handler["HANDLER_CRATEDB_USER"] == script["HANDLER"]
    users = {name: services[name]["environment"] for name in ("scraper", "aggregator")}
    assert users["scraper"]["SCRAPER_HANDLER_USER"] == "scraper"
    assert users["aggregator"]["AGGREGATOR_HANDLER_USER"] == "aggregator"
    assert {*users} <= {*script["ROLES"]}


@pytest.mark.parametrize("arguments", [[], ["users"], ["cluster", "http://127.0.0.1"]], ids=str)
def test_wrong_use_is_told(
    script: dict[str, Any], arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert script["main"](arguments) == 2
    assert "accounts.py users" in capsys.readouterr().err
