"""Who may do what, on every route."""

from __future__ import annotations

import stat
from collections.abc import Callable
from typing import Any

import pytest
from starlette.routing import Route
from tests.factories import a_report, charges

from costwire_db_handler.app import create_app
from costwire_db_handler.settings import Settings
from costwire_db_handler.stores.duckdb.bootstrap import PASSWORD_FILE

Running = Any
OPEN = {
    ("GET", "/"),
    ("GET", "/openapi.json"),
    ("GET", "/-/healthy"),
    ("GET", "/-/ready"),
    ("GET", "/-/metrics"),
}
WRITERS = {
    ("POST", "/deliveries/{commit}/replay"),
    ("POST", "/deliveries"),
    ("DELETE", "/deliveries/{commit}"),
    ("POST", "/deliveries/{commit}/parts"),
    ("POST", "/deliveries/{commit}/changes/added"),
    ("POST", "/deliveries/{commit}/changes/removed"),
    ("POST", "/deliveries/{commit}/quarantine"),
    ("POST", "/deliveries/{commit}/commit"),
    ("POST", "/deliveries/{commit}/accept"),
    ("POST", "/deliveries/{commit}/reject"),
    ("POST", "/upload"),
    ("POST", "/rates"),
    ("POST", "/tables/{table}/adopt"),
}
ADMINS = {
    ("POST", "/erasures"),
    ("GET", "/audit"),
    ("GET", "/audit/verify"),
    ("GET", "/users"),
    ("POST", "/users"),
    ("DELETE", "/users/{name}"),
}
READERS = {
    ("GET", "/deliveries"),
    ("GET", "/deliveries/{commit}"),
    ("GET", "/deliveries/{commit}/quarantine"),
    ("GET", "/deliveries/{commit}/quarantine.csv"),
    ("GET", "/quarantine"),
    ("GET", "/costs"),
    ("GET", "/changes"),
    ("GET", "/invoices"),
    ("POST", "/invoices"),
    ("GET", "/export"),
    ("GET", "/rates"),
    ("POST", "/_sql"),
}


def all_routes() -> set[tuple[str, str]]:
    routes = [route for route in create_app(Settings()).routes if isinstance(route, Route)]
    return {
        (method, route.path)
        for route in routes
        for method in (route.methods or ())
        if method != "HEAD"
    }


def path_of(route: str) -> str:
    return route.replace("{commit}", "999").replace("{name}", "nobody").replace("{table}", "nosuch")


def test_every_route_has_its_role() -> None:
    assert all_routes() == OPEN | READERS | WRITERS | ADMINS


@pytest.mark.parametrize(("method", "route"), sorted(all_routes() - OPEN))
def test_route_asks_for_a_sign_in(lasting: Running, method: str, route: str) -> None:
    for client in (lasting.nobody, lasting.client("costwire", "guess"), lasting.client("x", "y")):
        answer = client.request(method, path_of(route))
        assert answer.status_code == 401
        assert answer.headers["WWW-Authenticate"].startswith("Basic")


@pytest.mark.parametrize(("method", "route"), sorted(OPEN))
def test_route_is_open(lasting: Running, method: str, route: str) -> None:
    assert lasting.nobody.request(method, route).status_code == 200


@pytest.fixture(scope="module")
def reader(lasting: Running) -> Any:
    return lasting.user("rita", "reader")


@pytest.fixture(scope="module")
def writer(lasting: Running) -> Any:
    return lasting.user("will", "writer")


@pytest.mark.parametrize(("method", "route"), sorted(WRITERS | ADMINS))
def test_reader_may_not_change(reader: Any, method: str, route: str) -> None:
    answer = reader.request(method, path_of(route))
    assert answer.status_code == 403
    assert answer.json()["detail"].startswith("rita is a reader; this takes a")


@pytest.mark.parametrize(("method", "route"), sorted(ADMINS))
def test_writer_may_not_do_what_takes_an_admin(writer: Any, method: str, route: str) -> None:
    assert writer.request(method, path_of(route)).status_code == 403


@pytest.mark.parametrize(("method", "route"), sorted(READERS))
def test_reader_may_read(reader: Any, method: str, route: str) -> None:
    assert reader.request(method, path_of(route)).status_code in (200, 400, 404)


def test_writer_may_deliver(writer: Any) -> None:
    assert writer.deliver(a_report(charges(3)))["state"] == "committed"


def test_version_is_cratedbs(lasting: Running) -> None:
    version = lasting.nobody.get("/").json()
    assert version["ok"] is True
    assert version["version"]["number"]


def test_admins_password_stands_in_a_file_of_their_own(running: Running) -> None:
    path = running.settings.data_dir / PASSWORD_FILE
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert len(running.password) >= 24


def test_admins_password_outlives_a_restart(run: Callable[..., Running]) -> None:
    before = run().password
    after = run()
    assert after.password == before
    assert after.admin.get("/users").status_code == 200


def test_password_written_into_the_file_is_the_admins_after_a_restart(
    run: Callable[..., Running],
) -> None:
    (run().settings.data_dir / PASSWORD_FILE).write_text("chosen\n")
    running = run()
    assert running.client("costwire", "chosen").get("/users").status_code == 200


def test_empty_password_file_gets_a_new_password(run: Callable[..., Running]) -> None:
    path = run().settings.data_dir / PASSWORD_FILE
    path.write_text("\n")
    running = run()
    assert running.admin.get("/users").status_code == 200
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_users_are_listed_without_their_hashes(running: Running) -> None:
    running.user("rita", "reader")
    assert running.admin.get("/users").json() == {
        "users": [{"name": "costwire", "role": "admin"}, {"name": "rita", "role": "reader"}]
    }


def test_user_who_was_removed_or_changed_is_not_remembered(running: Running) -> None:
    rita = running.user("rita", "reader")
    assert rita.get("/deliveries").status_code == 200
    changed = {"name": "rita", "role": "writer", "password": "other"}
    running.admin.post("/users", json=changed)
    assert rita.get("/deliveries").status_code == 401
    other = running.client("rita", "other")
    assert other.get("/deliveries").status_code == 200
    assert running.admin.delete("/users/rita").status_code == 204
    assert other.get("/deliveries").status_code == 401
    assert running.admin.delete("/users/rita").status_code == 404


WRONG_USERS = {
    "no JSON": "x",
    "no object": "[]",
    "no role": '{"name": "a", "password": "b"}',
    "unknown role": '{"name": "a", "password": "b", "role": "king"}',
    "no name": '{"name": "", "password": "b", "role": "reader"}',
    "no password": '{"name": "a", "password": "", "role": "reader"}',
    "the admin": '{"name": "costwire", "password": "b", "role": "reader"}',
}


@pytest.mark.parametrize("body", WRONG_USERS.values(), ids=WRONG_USERS)
def test_wrong_user_is_refused(lasting: Running, body: str) -> None:
    answer = lasting.admin.post("/users", body)
    assert answer.status_code == 400
    assert answer.json()["type"] == "urn:costwire:problem:user-refused"


def test_admin_of_the_folder_stays(lasting: Running) -> None:
    assert lasting.admin.delete("/users/costwire").status_code == 400
    assert lasting.admin.get("/users").status_code == 200
