"""The handler's own account on CrateDB: its privileges, and when CrateDB refuses it or is away."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.factories import a_report, charges, part_body
from tests.integration.db_handler.app.conftest import Client
from tests.integration.db_handler.app.test_credentials import (
    ENDPOINTS,
    PROBLEM,
    Endpoint,
    a_handler,
    handler_works,
)
from tests.support.cratedb import a_user, cratedb_url, superuser
from tests.support.cratedb_store import alone, forget_all
from tests.support.credentials import granted
from tests.support.relay import Relay

from costwire_db_handler.stores.cratedb import privileges
from costwire_db_handler.stores.cratedb.cluster import Credentials
from costwire_db_handler.stores.cratedb.privileges import Grant
from costwire_db_handler.users import Role

ACCOUNT = "costwire_account"
SINGLE = [single for grant in privileges.HANDLER for single in grant.each()]


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    """A CrateDB of this module's own."""
    found = cratedb_url()
    with alone():
        yield found


class TestPrivileges:
    def test_those_of_the_page_are_enough(self, url: str, tmp_path: Path) -> None:
        with granted(url, ACCOUNT, privileges.HANDLER) as account:
            assert handler_works(url, tmp_path, account)

    @pytest.mark.parametrize("left_out", SINGLE, ids=str)
    def test_none_of_them_is_one_too_many(self, url: str, tmp_path: Path, left_out: Grant) -> None:
        grants = [single for single in SINGLE if single != left_out]
        with granted(url, ACCOUNT, grants) as account:
            assert not handler_works(url, tmp_path, account)

    def test_a_wrong_password_is_told_at_the_start(self, url: str, tmp_path: Path) -> None:
        with (
            granted(url, ACCOUNT, privileges.HANDLER) as account,
            pytest.raises(RuntimeError, match=f"refuses the handler's own account, {ACCOUNT}: "),
            a_handler(url, tmp_path, Credentials(account.name, "old")),
        ):
            pass

    def test_a_new_password_counts_once_it_stands_in_the_file(
        self, url: str, tmp_path: Path
    ) -> None:
        file = tmp_path / "password"
        with (
            granted(url, ACCOUNT, privileges.HANDLER) as account,
            granted(url, "wanda", privileges.ROLES[Role.WRITER]) as user,
            superuser(url) as session,
        ):
            file.write_text(account.password)
            given = Credentials(account.name, "")
            with a_handler(url, tmp_path / "data", given, cratedb_password_file=file) as handler:
                writer = Client(handler[0], (user.name, user.password))
                assert writer.deliver(a_report(charges(1)))["state"] == "committed"
                session.execute(f"ALTER USER {ACCOUNT} SET (password = 'another one')")
                file.write_text("another one\n")
                again = a_report(charges(2)).generated(hours=1)
                assert writer.deliver(again)["state"] == "committed"
                file.write_text("a wrong one\n")
                refused = writer.open(a_report(charges(3)).generated(hours=2))
                assert refused.status_code == 502

    def test_a_missing_privilege_is_told_at_the_start(self, url: str, tmp_path: Path) -> None:
        with (
            a_user(url, name=ACCOUNT) as account,
            pytest.raises(RuntimeError, match="refuses the handler's own account"),
            a_handler(url, tmp_path, account),
        ):
            pass

    def test_one_that_is_lost_is_no_fault_of_the_caller(self, url: str, tmp_path: Path) -> None:
        forget_all(url)
        with (
            granted(url, ACCOUNT, privileges.HANDLER) as account,
            granted(url, "wanda", privileges.ROLES[Role.WRITER]) as user,
            a_handler(url, tmp_path, account) as (transport, _),
            superuser(url) as session,
        ):
            writer = Client(transport, (user.name, user.password))
            session.execute(f"REVOKE DDL ON SCHEMA costwire FROM {ACCOUNT}")
            report = a_report(charges(1))
            commit = writer.open(report).json()["entry"]["commit"]
            writer.post(f"/deliveries/{commit}/parts?seq=0", part_body(report.parts[0]))
            answer = writer.post(f"/deliveries/{commit}/commit")
            assert answer.status_code == 502
            assert answer.json()["type"] == "urn:costwire:problem:account-refused"


class Cut:
    """A handler whose way to CrateDB can be cut."""

    def __init__(self, transport: Any, user: Credentials, relay: Relay) -> None:
        self.admin = Client(transport, (user.name, user.password))
        self.stranger = Client(transport, (user.name, "guess"))
        self.nobody = Client(transport, None)
        self.relay = relay


@pytest.fixture(scope="module")
def cut(url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cut]:
    """One whose user has signed in before the way was cut."""
    forget_all(url)
    with (
        Relay(url) as relay,
        granted(url, ACCOUNT, privileges.HANDLER) as account,
        a_handler(
            relay.url,
            tmp_path_factory.mktemp("data"),
            account,
            cratedb_overload_seconds=0.2,
            cratedb_connect_seconds=1.0,
        ) as (transport, _),
        granted(url, "ada", privileges.ROLES[Role.ADMIN]) as user,
    ):
        found = Cut(transport, user, relay)
        assert found.admin.get("/deliveries").status_code == 200
        assert found.nobody.get("/-/ready").status_code == 200
        relay.cut()
        yield found


class TestWithoutCrateDB:
    @pytest.mark.parametrize("endpoint", [e for e in ENDPOINTS if e.path != "/_sql"], ids=str)
    def test_every_endpoint_says_to_come_again(self, cut: Cut, endpoint: Endpoint) -> None:
        for client in (cut.admin, cut.stranger):
            answer = endpoint.ask(client)
            assert answer.status_code == 503
            assert answer.headers["Content-Type"] == PROBLEM
            assert int(answer.headers["Retry-After"]) > 0
            assert answer.json()["type"] == "urn:costwire:problem:store-unreachable"

    def test_sql_says_so_in_cratedbs_shape(self, cut: Cut) -> None:
        for client in (cut.admin, cut.stranger):
            answer = client.sql_answer("SELECT 1")
            assert answer.status_code == 500
            error = answer.json()["error"]
            assert error["code"] == 5000
            assert error["message"].startswith("SQLException[")
            assert cut.relay.url in error["message"]

    def test_it_is_healthy_and_not_ready(self, cut: Cut) -> None:
        assert cut.nobody.get("/-/healthy").status_code == 200
        time.sleep(1.1)  # for so long an answer is good
        started = time.monotonic()
        answers = [cut.nobody.get("/-/ready") for _ in range(3)]
        assert time.monotonic() - started < 4
        for answer in answers:
            assert answer.status_code == 503
            told = answer.json()
            assert told["type"] == "urn:costwire:problem:not-ready"
            assert cut.relay.url in told["detail"]

    def test_it_is_ready_again_with_cratedb(self, cut: Cut) -> None:
        cut.relay.mend()
        deadline = time.monotonic() + 30
        while cut.nobody.get("/-/ready").status_code != 200:
            assert time.monotonic() < deadline
            time.sleep(0.1)
        assert cut.admin.get("/deliveries").status_code == 200
        assert cut.stranger.get("/deliveries").status_code == 401
        assert json.loads(cut.admin.sql_answer("SELECT 1").text)["rows"] == [[1]]
