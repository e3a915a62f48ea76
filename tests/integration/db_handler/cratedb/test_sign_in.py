"""What is asked of CrateDB to know whether credentials are right, and whether it can be asked."""

from __future__ import annotations

import base64
import logging
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from tests.support.fake_cratedb import FakeCrateDB, Play, recorded

from costwire_db_handler.app import cratedb_options
from costwire_db_handler.errors import CannotOpen
from costwire_db_handler.settings import Settings
from costwire_db_handler.stores.cratedb import failures
from costwire_db_handler.stores.cratedb.cluster import Cluster, ClusterOptions, Credentials
from costwire_db_handler.stores.cratedb.probe import Probe
from costwire_db_handler.stores.cratedb.sign_in import SignIn
from costwire_db_handler.stores.cratedb.store import CrateDBStore
from costwire_db_handler.stores.cratedb.told import item_told
from costwire_db_handler.users import Caller, Role

ANN = Caller("ann", None, "right")
GONE = Play(500, {}, b"NullPointerException", closes=True)
"""To a user who was dropped after the connection was made."""


class Moment:
    """A clock that a test moves."""

    now = 1_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def node() -> Iterator[FakeCrateDB]:
    with FakeCrateDB(users={"ann": "right"}) as fake:
        yield fake


@pytest.fixture
def cluster(node: FakeCrateDB) -> Iterator[Cluster]:
    opened = Cluster(ClusterOptions([node.url], overload_seconds=0.2))
    yield opened
    opened.close()


@pytest.fixture
def moment() -> Moment:
    return Moment()


@pytest.fixture
def sign_in(cluster: Cluster, moment: Moment) -> SignIn:
    return SignIn(cluster, clock=moment)


def encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


class TestSignIn:
    def test_a_right_pair_is_not_asked_for_again_for_a_minute(
        self, node: FakeCrateDB, sign_in: SignIn, moment: Moment
    ) -> None:
        assert sign_in.check("ann", "right") == ANN
        asked = len(node.arrived)
        assert sign_in.check("ann", "right") == ANN
        assert sign_in.check(encoded("ann"), encoded("right")) == ANN
        assert [arrived.user for arrived in node.arrived[asked:]] == [
            (encoded("ann"), encoded("right"))
        ]
        asked = len(node.arrived)
        moment.now += 61
        assert sign_in.check("ann", "right") == ANN
        assert len(node.arrived) > asked

    def test_a_wrong_pair_is_asked_for_each_time(self, node: FakeCrateDB, sign_in: SignIn) -> None:
        sign_in.check("ann", "right")
        asked = len(node.arrived)
        for _ in range(3):
            assert sign_in.check("ann", "wrong") is None
        assert len(node.arrived) == asked + 3

    def test_whoever_is_let_in_with_any_password_is_refused(
        self, node: FakeCrateDB, sign_in: SignIn, caplog: pytest.LogCaptureFixture
    ) -> None:
        node.users = None
        with caplog.at_level(logging.WARNING):
            assert sign_in.check("crate", "guess") is None
        assert "with any password" in caplog.text
        assert "guess" not in caplog.text

    def test_what_was_known_is_forgotten_when_users_change(
        self, node: FakeCrateDB, sign_in: SignIn
    ) -> None:
        assert sign_in.check("ann", "right") == ANN
        node.users = {"ann": "changed"}
        sign_in.forget()
        assert sign_in.check("ann", "right") is None

    def test_a_cluster_that_is_away_is_no_wrong_password(
        self, node: FakeCrateDB, sign_in: SignIn
    ) -> None:
        node.stop()
        with pytest.raises(failures.StoreUnreachable):
            sign_in.check("ann", "right")

    @pytest.mark.parametrize("name", ["", "a:b"])
    def test_a_name_that_cannot_travel_is_wrong(self, sign_in: SignIn, name: str) -> None:
        assert sign_in.check(name, "right") is None

    def test_a_user_who_was_dropped_is_asked_for_on_a_new_connection(
        self, node: FakeCrateDB, cluster: Cluster
    ) -> None:
        session = cluster.session(Credentials("ann", "right"))
        session.execute("SELECT 1")
        node.users = {}
        node.play(GONE)
        with pytest.raises(failures.WrongCredentials):
            session.execute("INSERT INTO t (id) VALUES (1)")
        assert node.connections == 2

    def test_a_fault_that_looks_so_is_a_fault_and_nothing_is_sent_twice(
        self, node: FakeCrateDB, cluster: Cluster
    ) -> None:
        session = cluster.session(Credentials("ann", "right"))
        for _ in range(2):
            node.play(GONE)
            with pytest.raises(failures.StoreFailed):
                session.execute("INSERT INTO t (id) VALUES (1)")
            session.execute("SELECT 2")
        assert node.statements.count("INSERT INTO t (id) VALUES (1)") == 2


class TestOwnAccount:
    @pytest.mark.parametrize("name", ["wrong password", "missing privilege"])
    def test_what_it_may_not_is_no_fault_of_the_caller(
        self, node: FakeCrateDB, cluster: Cluster, name: str
    ) -> None:
        node.play(recorded(name))
        session = cluster.own_session(Credentials("ann", "right"))
        with pytest.raises(failures.AccountRefused, match="own account, ann: ") as caught:
            session.execute("SELECT 1")
        assert caught.value.status == 502
        assert "right" not in str(caught.value)

    def test_its_password_is_read_anew_when_the_file_changes(
        self, cluster: Cluster, node: FakeCrateDB, tmp_path: Path
    ) -> None:
        node.users = None
        file = tmp_path / "password"
        file.write_text("first\n")
        settings = Settings(
            cratedb_urls=(node.url,), cratedb_user="ann", cratedb_password_file=file
        )
        session = cluster.own_session(cratedb_options(settings).account)
        session.execute("SELECT 1")
        file.write_text("the second")
        session.execute("SELECT 2")
        file.write_bytes(b"\xff is no text")
        session.execute("SELECT 3")
        file.unlink()
        session.execute("SELECT 4")
        told = [request.user for request in node.arrived]
        assert told == [("ann", "first"), *[("ann", "the second")] * 3]

    @pytest.mark.parametrize(("left", "why"), [(None, "No such file"), (b"\xff", "no UTF-8")])
    def test_a_file_without_a_password_is_told_at_the_start(
        self, tmp_path: Path, left: bytes | None, why: str
    ) -> None:
        file = tmp_path / "password"
        if left is not None:
            file.write_bytes(left)
        settings = Settings(cratedb_urls=("http://n1:4200",), cratedb_password_file=file)
        with pytest.raises(CannotOpen, match=why):
            cratedb_options(settings)


class TestProbe:
    def test_it_asks_once_a_second(
        self, node: FakeCrateDB, cluster: Cluster, moment: Moment
    ) -> None:
        probe = Probe(cluster.own_session(Credentials("ann", "right")), clock=moment)
        assert [probe.why_not_ready() for _ in range(3)] == [None] * 3
        assert len(node.arrived) == 1
        node.stop()
        assert probe.why_not_ready() is None
        moment.now += 1.1
        assert node.url in str(probe.why_not_ready())

    def test_it_waits_no_longer_than_two_seconds(
        self, node: FakeCrateDB, cluster: Cluster, moment: Moment
    ) -> None:
        node.play(node.usual.but(delay_seconds=60))
        probe = Probe(cluster.own_session(Credentials("ann", "right")), clock=moment)
        assert probe.why_not_ready() is not None


@pytest.mark.parametrize("schema", ["costwire", "doc", "sys"])
def test_a_schema_that_is_there_for_certain_is_denied_for_want_of_a_privilege(schema: str) -> None:
    told = item_told(4045, f"SchemaUnknownException[Schema '{schema}' unknown]")
    assert isinstance(failures.failure_of("SELECT", told), failures.PrivilegeMissing)


def test_any_other_schema_is_unknown() -> None:
    for name in ("costwire2", "mine"):
        told = item_told(4045, f"SchemaUnknownException[Schema '{name}' unknown]", status=404)
        assert isinstance(failures.failure_of("SELECT", told), failures.UnknownInStore)


def test_nobody_is_an_admin_whom_cratedb_refuses_what_admins_are_shown(
    node: FakeCrateDB, cluster: Cluster
) -> None:
    shared: Any = SimpleNamespace(own=cluster.session(Credentials("ann", "right")))
    lock: Any = None
    store = CrateDBStore(cluster, shared, lock)
    assert store.allows(ANN, Role.ADMIN)
    node.play(recorded("missing privilege"))
    assert not store.allows(ANN, Role.ADMIN)
    asked = len(node.statements)
    assert store.allows(ANN, Role.READER)
    assert len(node.statements) == asked
