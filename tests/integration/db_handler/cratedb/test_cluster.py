"""Statements to a cluster: whose connection, which node, how often, and what is told of it."""

from __future__ import annotations

import gzip
import logging
import socket
import subprocess
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from tests.support.cratedb import a_schema, a_user, cratedb_url, superuser
from tests.support.fake_cratedb import (
    Cut,
    FakeCrateDB,
    Play,
    recorded,
    refused_port,
    wait_for_statements,
)

from costwire_db_handler.errors import CannotOpen
from costwire_db_handler.stores.cratedb import failures, told
from costwire_db_handler.stores.cratedb.cluster import (
    Answer,
    Clock,
    Cluster,
    ClusterOptions,
    Credentials,
    Item,
    Session,
)
from costwire_runtime.retries import Backoff

ANN = Credentials("ann", "rïght")
WRONG = Credentials("ann", "wrong")
BOB = Credentials("bob", "his")
Open = Callable[..., Cluster]


class Time:
    """A clock that waiting moves."""

    def __init__(self) -> None:
        self.now = 1_000.0
        self.waits: list[float] = []

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.now += seconds


@pytest.fixture
def moment() -> Time:
    return Time()


@pytest.fixture
def node() -> Iterator[FakeCrateDB]:
    with FakeCrateDB() as fake:
        yield fake


@pytest.fixture
def other() -> Iterator[FakeCrateDB]:
    with FakeCrateDB() as fake:
        yield fake


@pytest.fixture
def open_cluster(moment: Time) -> Iterator[Open]:
    """Opens clusters whose waits take no time, of a jitter that is always the most."""
    opened: list[Cluster] = []

    def open_it(*urls: str, **options: Any) -> Cluster:
        cluster = Cluster(
            ClusterOptions(urls, **options),
            clock=Clock(moment.monotonic, moment.sleep),
            backoff=Backoff(jitter=lambda: 1.0),
        )
        opened.append(cluster)
        return cluster

    yield open_it
    for cluster in opened:
        cluster.close()


@pytest.fixture
def session(node: FakeCrateDB, open_cluster: Open) -> Session:
    return open_cluster(node.url).session(ANN)


class TestAnswers:
    def test_numbers_with_a_point_are_decimals(self, session: Session) -> None:
        assert session.execute("SELECT 1") == Answer(
            ["cost", "name", "nothing"], [[Decimal("1.50"), "x", None]], 1
        )

    def test_a_statement_without_columns_has_no_rows(
        self, node: FakeCrateDB, session: Session
    ) -> None:
        node.play(recorded("one changed"))
        assert session.execute("INSERT INTO t (id) VALUES (1)") == Answer([], [], 1)

    def test_arguments_lose_no_digit(self, node: FakeCrateDB, session: Session) -> None:
        session.execute("SELECT ?", [Decimal("1.10"), 2**63, {"n": [-(2**63), True, None]}])
        expected = b'"args": ["1.10", "9223372036854775808", {"n": [-9223372036854775808, true'
        assert expected in node.arrived[0].body

    def test_items_of_a_bulk_tell_what_became_of_them(
        self, node: FakeCrateDB, session: Session
    ) -> None:
        node.play(recorded("bulk with mixed items"))
        stored, duplicate, null = session.execute_many("INSERT", b'["b",1],["a",2],["c",null]')
        assert stored == Item(1)
        assert (stored.rowcount, stored.code) == (1, None)
        assert (duplicate.is_duplicate, duplicate.is_transient) == (True, False)
        assert (null.code, null.is_duplicate, null.is_transient) == (4000, False, False)
        assert b'"bulk_args":[["b",1],["a",2],["c",null]]' in node.arrived[0].body

    def test_items_that_may_succeed_later_say_so(self, node: FakeCrateDB, session: Session) -> None:
        node.play(recorded("bulk with later items"))
        items = session.execute_many("INSERT", b"[1],[2],[3]")
        assert [item.is_transient for item in items] == [False, True, True]

    def test_an_item_of_another_version_says_so(self, node: FakeCrateDB, session: Session) -> None:
        node.play(recorded("bulk with a version conflict"))
        (item,) = session.execute_many("UPDATE", b'[1,"a"]')
        assert item.code == told.VERSION_CONFLICT
        assert not item.is_transient

    def test_no_rows_are_not_sent(self, node: FakeCrateDB, session: Session) -> None:
        assert session.execute_many("INSERT", b"") == []
        assert node.arrived == []

    def test_a_gzipped_answer_is_read(self, node: FakeCrateDB, session: Session) -> None:
        plain = recorded("success")
        node.play(
            plain.but(
                headers={**plain.headers, "content-encoding": "gzip"},
                body=gzip.compress(plain.body),
            )
        )
        assert session.execute("SELECT 1").rowcount == 1
        assert node.arrived[0].headers["Accept-Encoding"] == "gzip"

    @pytest.mark.parametrize("packed", [False, True])
    def test_an_answer_beyond_the_limit_is_not_read(
        self, node: FakeCrateDB, open_cluster: Open, packed: bool
    ) -> None:
        session = open_cluster(node.url, max_answer_bytes=10_000, connections=1).session(ANN)
        body, headers = b" " * 3_000_000, {"content-type": "application/json"}
        if packed:
            body, headers = gzip.compress(body), {**headers, "content-encoding": "gzip"}
        node.play(Play(200, headers, body))
        with pytest.raises(failures.AnswerTooLarge, match="10,000 bytes; select less"):
            session.execute("SELECT 1")
        assert session.execute("SELECT 1").rowcount == 1

    def test_requests_are_sent_as_they_are_unless_asked(
        self, node: FakeCrateDB, open_cluster: Open
    ) -> None:
        rows = b",".join([b"[1]"] * 10_000)
        node.usual = recorded("bulk")
        open_cluster(node.url).session(ANN).execute_many("INSERT", rows)
        assert "Content-Encoding" not in node.arrived[-1].headers
        open_cluster(node.url, gzip_above_bytes=1_000).session(ANN).execute_many("INSERT", rows)
        assert node.arrived[-1].headers["Content-Encoding"] == "gzip"
        assert rows in node.arrived[-1].body

    def test_an_answer_of_something_else_is_a_failure(
        self, node: FakeCrateDB, session: Session
    ) -> None:
        node.play(Play(200, {}, b"<html>"), Play(302, {"location": "/elsewhere"}))
        for _ in range(2):
            with pytest.raises(failures.StoreFailed, match="not CrateDB's"):
                session.execute("SELECT 1")
        assert len(node.arrived) == 2


class TestFailures:
    @pytest.mark.parametrize(
        ("name", "kind", "status", "code"),
        [
            ("syntax error", failures.StatementRefused, 400, 4000),
            ("no statement", failures.StatementRefused, 400, 4000),
            ("bulk with a wrong type", failures.StatementRefused, 400, 4000),
            ("unknown table", failures.UnknownInStore, 404, 4041),
            ("unknown column", failures.UnknownInStore, 404, 4043),
            ("no privilege", failures.UnknownInStore, 404, 4045),
            ("missing privilege", failures.PrivilegeMissing, 403, 4011),
            ("wrong password", failures.WrongCredentials, 401, None),
            ("duplicate key", failures.DuplicateKey, 409, 4091),
            ("version conflict", failures.VersionConflict, 409, 4092),
            ("table exists", failures.StoreConflict, 409, 4093),
            ("statement timeout", failures.StoreFailed, 502, 5005),
            ("too large", failures.StatementTooLarge, 413, None),
        ],
    )
    def test_each_answer_has_its_problem(
        self,
        node: FakeCrateDB,
        session: Session,
        name: str,
        kind: type[failures.StoreProblem],
        status: int,
        code: int | None,
    ) -> None:
        session.execute("SELECT 1")
        node.play(recorded(name))
        with pytest.raises(kind) as caught:
            session.execute("INSERT INTO t (id) VALUES (?)", ["a secret value"])
        assert type(caught.value) is kind
        assert caught.value.status == status
        assert caught.value.code == code
        assert caught.value.detail.startswith("INSERT in the store: ")
        assert len(node.arrived) == 2  # the first made the connection

    def test_the_class_of_the_failure_is_kept(self, node: FakeCrateDB, session: Session) -> None:
        node.play(recorded("duplicate key"))
        with pytest.raises(failures.DuplicateKey) as caught:
            session.execute("INSERT")
        assert caught.value.told.class_name == "DuplicateKeyException"

    def test_a_value_that_crate_quotes_is_not_told(
        self, node: FakeCrateDB, session: Session
    ) -> None:
        node.play(recorded("bulk with a wrong type"))
        with pytest.raises(failures.StatementRefused) as caught:
            session.execute_many("INSERT", b'["abc"]')
        told = "".join(traceback.format_exception(caught.value)) + repr(caught.value.told)
        assert "abc" not in told.replace("b'[\"abc\"]'", "")
        assert caught.value.told is not None
        assert "abc" in caught.value.told.text

    def test_nothing_secret_is_in_reprs_logs_and_exceptions(
        self, open_cluster: Open, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.DEBUG)
        cluster = open_cluster(f"http://127.0.0.1:{refused_port()}", overload_seconds=1.0)
        with pytest.raises(failures.StoreUnreachable) as caught:
            cluster.session(ANN).execute("SELECT ?", ["argument"])
        told = "".join(traceback.format_exception(caught.value))
        told += repr((ANN, cluster, cluster.session(ANN), vars(caught.value))) + caplog.text
        source_lines = 'execute("SELECT ?", ["argument"])'
        for secret in ("rïght", "YW5uOnLDr2dodA==", "argument"):
            assert secret not in told.replace(source_lines, "")

    @pytest.mark.parametrize("name", ["", "a:b", "\ud800"])
    def test_a_name_that_cannot_travel_is_refused(self, open_cluster: Open, name: str) -> None:
        cluster = open_cluster("http://localhost")
        with pytest.raises(failures.WrongCredentials):
            cluster.session(Credentials(name, "x"))

    @pytest.mark.parametrize(
        "url",
        ["localhost:4200", "ftp://a", "http://", "http://a/b", "http://u:pass@a", "http://a:x"],
    )
    def test_an_address_that_is_none_is_refused(self, open_cluster: Open, url: str) -> None:
        with pytest.raises(CannotOpen) as caught:
            open_cluster(url)
        assert "pass@" not in str(caught.value)

    def test_no_address_is_refused(self, open_cluster: Open) -> None:
        with pytest.raises(CannotOpen):
            open_cluster()


class TestWhoseConnection:
    @pytest.fixture
    def node(self) -> Iterator[FakeCrateDB]:
        with FakeCrateDB(users={"ann": "rïght", "bob": "his"}) as fake:
            yield fake

    @pytest.mark.parametrize("way", ["execute", "execute_many", "large", "forward"])
    def test_a_wrong_password_is_refused_after_the_right_one(
        self, node: FakeCrateDB, open_cluster: Open, way: str
    ) -> None:
        node.usual = recorded("bulk" if way in {"execute_many", "large"} else "success")
        cluster = open_cluster(node.url)
        assert _let_in(cluster.session(ANN), way)
        assert not _let_in(cluster.session(WRONG), way)
        assert _let_in(cluster.session(ANN), way)
        assert not _let_in(cluster.session(WRONG), way)

    def test_credentials_never_share_a_connection(
        self, node: FakeCrateDB, open_cluster: Open
    ) -> None:
        cluster = open_cluster(node.url)
        people = [ANN, BOB] * 20

        def ask(who: Credentials) -> None:
            cluster.session(who).execute("SELECT 1")

        with ThreadPoolExecutor(8) as threads:
            list(threads.map(ask, people))
        users: dict[int, set[tuple[str, str]]] = {}
        for arrived in node.arrived:
            users.setdefault(arrived.connection, set()).add(arrived.user)
        assert all(len(found) == 1 for found in users.values())
        assert node.connections < len(people)

    def test_the_same_credentials_use_their_connection_again(
        self, node: FakeCrateDB, open_cluster: Open
    ) -> None:
        cluster = open_cluster(node.url)
        for _ in range(5):
            cluster.session(ANN).execute("SELECT 1")
        assert node.connections == 1

    def test_a_changed_password_works_no_longer_than_the_pool_is_kept(
        self, node: FakeCrateDB, open_cluster: Open, moment: Time
    ) -> None:
        session = open_cluster(node.url, keep_seconds=60.0).session(ANN)
        session.execute("SELECT 1")
        node.users = {"ann": "changed"}
        for _ in range(5):  # used all the time
            session.execute("SELECT 1")
            moment.now += 11
        moment.now += 6
        with pytest.raises(failures.WrongCredentials):
            session.execute("SELECT 1")

    def test_few_callers_are_kept_and_the_least_recent_goes(
        self, node: FakeCrateDB, open_cluster: Open
    ) -> None:
        node.users = None
        cluster = open_cluster(node.url, callers=2)
        for name in ("a", "b", "a", "c", "a"):
            cluster.session(Credentials(name, "x")).execute("SELECT 1")
        assert node.connections == 3
        cluster.session(Credentials("b", "x")).execute("SELECT 1")
        assert node.connections == 4

    def test_a_wrong_password_is_told_before_a_large_body_is_sent(
        self, node: FakeCrateDB, open_cluster: Open
    ) -> None:
        session = open_cluster(node.url).session(WRONG)
        with pytest.raises(failures.WrongCredentials):
            session.execute_many("INSERT", b'["%b"]' % (b"x" * 5_000_000))
        assert [arrived.method for arrived in node.arrived] == ["HEAD"]

    def test_what_set_changes_is_seen_by_no_other_statement(
        self, node: FakeCrateDB, open_cluster: Open
    ) -> None:
        session = open_cluster(node.url).session(ANN)
        session.forward(b'{"stmt":"SELECT 1"}')
        session.forward(b'{"stmt": "\\n set search_path to x"}')
        session.execute("SET SESSION search_path TO x")
        session.forward(b'{"stmt":"SELECT 1"}')
        session.execute("SELECT 1")
        connections = [arrived.connection for arrived in node.arrived]
        assert connections == [0, 1, 2, 0, 3]

    def test_schemas_do_not_share_a_connection(self, node: FakeCrateDB, open_cluster: Open) -> None:
        session = open_cluster(node.url).session(ANN)
        for schema in ("a", "b", "a"):
            session.forward(b'{"stmt":"SELECT 1"}', headers={"Default-Schema": schema})
        assert [arrived.connection for arrived in node.arrived] == [0, 1, 0]

    def test_more_statements_than_connections_wait_for_one(
        self, node: FakeCrateDB, open_cluster: Open
    ) -> None:
        node.usual = recorded("success", delay_seconds=0.05)
        session = open_cluster(node.url, connections=2).session(ANN)
        with ThreadPoolExecutor(6) as threads:
            list(threads.map(lambda _: session.execute("SELECT 1"), range(12)))
        assert node.connections == 2

    def test_a_closed_cluster_sends_nothing(self, node: FakeCrateDB, open_cluster: Open) -> None:
        cluster = open_cluster(node.url)
        cluster.close()
        with pytest.raises(failures.StoreUnreachable, match="closed"):
            cluster.session(ANN).execute("SELECT 1")


class TestWhichNode:
    def test_nodes_are_asked_in_turn(
        self, node: FakeCrateDB, other: FakeCrateDB, open_cluster: Open
    ) -> None:
        session = open_cluster(node.url, other.url).session(ANN)
        for _ in range(6):
            session.execute("SELECT 1")
        assert (len(node.arrived), len(other.arrived)) == (3, 3)

    def test_one_dead_node_of_two_is_not_noticed(
        self, node: FakeCrateDB, open_cluster: Open, moment: Time
    ) -> None:
        session = open_cluster(f"http://127.0.0.1:{refused_port()}", node.url).session(ANN)
        for _ in range(4):
            session.execute("INSERT INTO t VALUES (1)")
        assert len(node.arrived) == 4
        assert moment.waits == []

    def test_a_dead_node_is_asked_again_after_growing_pauses(
        self, node: FakeCrateDB, open_cluster: Open, moment: Time
    ) -> None:
        port = refused_port()
        session = open_cluster(f"http://127.0.0.1:{port}", node.url).session(ANN)
        session.execute("SELECT 1")
        session.execute("SELECT 1")
        with FakeCrateDB(port=port) as risen:
            moment.now += 4
            session.execute("SELECT 1")
            assert risen.arrived == []
            moment.now += 2
            session.execute("SELECT 1")
            session.execute("SELECT 1")
            assert len(risen.arrived) >= 1

    @pytest.mark.parametrize("answer", ["unavailable", "no master"])
    def test_a_node_that_cannot_serve_is_left_out(
        self, node: FakeCrateDB, other: FakeCrateDB, open_cluster: Open, moment: Time, answer: str
    ) -> None:
        node.usual = recorded(answer)
        session = open_cluster(node.url, other.url).session(ANN)
        for _ in range(6):
            session.execute("INSERT INTO t VALUES (1)")
        assert len(node.arrived) == 1
        assert len(other.arrived) == 6
        assert moment.waits == []

    @pytest.mark.parametrize("cut", [Cut.AFTER_READING, Cut.IN_THE_ANSWER])
    def test_a_lost_answer_of_a_select_is_asked_for_elsewhere(
        self, node: FakeCrateDB, other: FakeCrateDB, open_cluster: Open, cut: Cut
    ) -> None:
        node.usual = other.usual = recorded("success", cut=cut)
        session = open_cluster(node.url, other.url).session(ANN)
        other.play(recorded("success"))
        assert session.execute("SELECT 1").rowcount == 1

    @pytest.mark.parametrize("cut", [Cut.AFTER_READING, Cut.IN_THE_ANSWER])
    @pytest.mark.parametrize("way", ["execute", "execute_many", "forward"])
    def test_a_lost_answer_of_a_change_is_never_asked_for_again(
        self, node: FakeCrateDB, other: FakeCrateDB, open_cluster: Open, cut: Cut, way: str
    ) -> None:
        node.usual = other.usual = recorded("success", cut=cut)
        session = open_cluster(node.url, other.url).session(ANN)
        with pytest.raises(failures.OutcomeUnknown, match="see whether it was done") as caught:
            _ask(session, way, "INSERT INTO t VALUES (1)")
        assert caught.value.status not in {502, 503, 504}
        assert len(node.arrived) + len(other.arrived) == 1

    def test_a_change_that_does_no_harm_twice_is_sent_again(
        self, node: FakeCrateDB, other: FakeCrateDB, open_cluster: Open
    ) -> None:
        node.play(recorded("bulk", cut=Cut.AFTER_READING))
        other.play(recorded("bulk", cut=Cut.AFTER_READING))
        node.usual = other.usual = recorded("bulk")
        session = open_cluster(node.url, other.url).session(ANN)
        items = session.execute_many("INSERT", b"[1],[2]", repeatable=True)
        assert [item.rowcount for item in items] == [1, 1]
        assert len(node.arrived) + len(other.arrived) == 3

    def test_a_node_killed_in_the_middle_of_a_select_is_not_noticed(
        self, other: FakeCrateDB, open_cluster: Open
    ) -> None:
        with FakeCrateDB() as dying, ThreadPoolExecutor(1) as threads:
            dying.usual = recorded("success", delay_seconds=30)
            session = open_cluster(other.url, dying.url).session(ANN)
            asked = threads.submit(session.execute, "SELECT 1")
            wait_for_statements(dying, 1)
            dying.stop()
            assert asked.result(10).rowcount == 1
        assert len(other.arrived) == 1

    def test_a_change_that_did_not_arrive_in_full_is_sent_elsewhere(
        self, node: FakeCrateDB, other: FakeCrateDB, open_cluster: Open
    ) -> None:
        node.usual = recorded("bulk", cut=Cut.BEFORE_READING)
        other.usual = recorded("bulk")
        session = open_cluster(other.url, node.url).session(ANN)
        rows = b'["%b"]' % (b"x" * 20_000_000)
        assert len(session.execute_many("INSERT", rows)) == 2
        assert len(node.statements) == len(other.statements) == 1

    def test_a_proxy_that_lost_its_node_is_no_reason_to_send_a_change_again(
        self, node: FakeCrateDB, session: Session
    ) -> None:
        node.usual = recorded("bad gateway")
        with pytest.raises(failures.OutcomeUnknown):
            session.execute("INSERT INTO t VALUES (1)")
        assert len(node.arrived) == 1


class TestTime:
    def test_a_read_that_takes_too_long_is_given_up(
        self, node: FakeCrateDB, open_cluster: Open
    ) -> None:
        node.usual = recorded("success", delay_seconds=30)
        session = open_cluster(node.url, read_seconds=0.2).session(ANN)
        began = time.monotonic()
        with pytest.raises(failures.StoreTimedOut, match="no answer in time"):
            session.execute("SELECT 1")
        with pytest.raises(failures.OutcomeUnknown):
            session.execute("INSERT")
        with pytest.raises(failures.OutcomeUnknown):
            session.forward(b'{"stmt":"SELECT 1"}')
        assert time.monotonic() - began < 5
        assert len(node.arrived) == 3

    def test_a_select_that_timed_out_is_tried_on_one_other_node(
        self, open_cluster: Open, moment: Time
    ) -> None:
        with FakeCrateDB() as one, FakeCrateDB() as two, FakeCrateDB() as three:
            fakes = [one, two, three]
            for fake in fakes:
                fake.usual = recorded("success", delay_seconds=30)
            session = open_cluster(*(fake.url for fake in fakes), read_seconds=0.2).session(ANN)
            with pytest.raises(failures.StoreTimedOut):
                session.execute("SELECT 1")
            until = time.monotonic() + 10  # a busy fake notes it after the time is over
            while sum(len(fake.arrived) for fake in fakes) < 2 and time.monotonic() < until:
                time.sleep(0.01)
            assert sorted(len(fake.arrived) for fake in fakes) == [0, 1, 1]
        assert moment.waits == []

    def test_the_time_of_a_statement_bounds_its_tries(
        self, node: FakeCrateDB, session: Session, moment: Time
    ) -> None:
        node.usual = recorded("circuit breaker")
        began = moment.now
        with pytest.raises(failures.StoreOverloaded):
            session.execute("SELECT 1", timeout_seconds=3.0)
        assert moment.now - began <= 3.0

    def test_an_answer_that_trickles_is_given_up(self, open_cluster: Open) -> None:
        with _Trickling() as url:
            cluster = Cluster(ClusterOptions([url]))
            began = time.monotonic()
            with pytest.raises(failures.OutcomeUnknown):
                cluster.session(ANN).execute("INSERT", timeout_seconds=0.5)
            assert time.monotonic() - began < 3
            cluster.close()


class TestOverload:
    @pytest.mark.parametrize(
        "name",
        [
            "circuit breaker",
            "shards unavailable",
            "node left",
            "no master",
            "too many requests",
            "unavailable",
        ],
    )
    def test_a_select_is_repeated_until_it_works(
        self, node: FakeCrateDB, session: Session, moment: Time, name: str
    ) -> None:
        node.play(*[recorded(name)] * 4)
        assert session.execute("SELECT 1").rowcount == 1
        assert len(node.arrived) == 5
        assert moment.waits == sorted(moment.waits)
        assert len(moment.waits) == 4

    @pytest.mark.parametrize("name", ["no master", "too many requests", "unavailable"])
    def test_a_change_of_which_nothing_was_done_is_repeated(
        self, node: FakeCrateDB, session: Session, name: str
    ) -> None:
        node.play(recorded(name))
        session.execute("INSERT INTO t VALUES (1)")
        assert len(node.arrived) == 2

    @pytest.mark.parametrize("name", ["circuit breaker", "shards unavailable", "node left"])
    def test_a_change_that_was_broken_off_is_repeated_only_when_that_does_no_harm(
        self, node: FakeCrateDB, session: Session, name: str
    ) -> None:
        node.play(recorded(name))
        with pytest.raises(failures.OutcomeUnknown, match="broken off") as caught:
            session.execute("INSERT INTO t SELECT * FROM s")
        assert caught.value.told.class_name is not None
        node.play(recorded(name))
        session.execute("INSERT INTO t SELECT * FROM s", repeatable=True)
        assert len(node.arrived) == 3

    @pytest.mark.parametrize("name", ["unknown table", "no privilege", "starting"])
    def test_a_node_that_has_just_started_is_asked_again(
        self, node: FakeCrateDB, session: Session, moment: Time, name: str
    ) -> None:
        node.play(recorded(name))
        assert session.execute("INSERT INTO t VALUES (1)").rowcount == 1
        node.play(*[recorded("unknown table")] * 2)
        with pytest.raises(failures.UnknownInStore):
            session.execute("SELECT 1")
        assert len(node.arrived) == 3
        assert len(moment.waits) == 1

    def test_patience_ends(self, node: FakeCrateDB, session: Session, moment: Time) -> None:
        node.usual = recorded("circuit breaker")
        began = moment.now
        with pytest.raises(failures.StoreOverloaded, match="operation memory limit") as caught:
            session.execute("SELECT 1")
        assert 15 < moment.now - began <= 30
        assert caught.value.status == 503
        assert int(caught.value.headers["Retry-After"]) > 0
        assert caught.value.told.class_name == "CircuitBreakingException"
        assert len(node.arrived) < 12

    def test_an_unreachable_cluster_is_waited_for(self, open_cluster: Open, moment: Time) -> None:
        urls = [f"http://127.0.0.1:{refused_port()}" for _ in range(2)]
        began = moment.now
        with pytest.raises(failures.StoreUnreachable, match="connection refused") as caught:
            open_cluster(*urls).session(ANN).execute("INSERT")
        assert 15 < moment.now - began <= 30
        assert caught.value.headers["Retry-After"]

    def test_a_pause_that_is_asked_for_is_kept(
        self, node: FakeCrateDB, session: Session, moment: Time
    ) -> None:
        node.play(recorded("too many requests", headers={"Retry-After": "7"}))
        session.execute("SELECT 1")
        assert moment.waits == [7.0]


class TestForwarding:
    @pytest.mark.parametrize("name", ["success", "syntax error", "circuit breaker", "bad gateway"])
    def test_any_answer_comes_back_as_it_is(
        self, node: FakeCrateDB, session: Session, moment: Time, name: str
    ) -> None:
        node.play(recorded(name))
        answer = session.forward(b'{"stmt":"SELECT 1"}', query="types")
        assert (answer.status, answer.body) == (recorded(name).status, recorded(name).body)
        assert answer.content_type == recorded(name).headers["content-type"]
        assert node.arrived[0].target == "/_sql?types"
        assert node.arrived[0].body == b'{"stmt":"SELECT 1"}'
        assert moment.waits == []

    def test_a_refused_sign_in_keeps_its_challenge(
        self, node: FakeCrateDB, session: Session
    ) -> None:
        node.play(recorded("wrong password"))
        answer = session.forward(b'{"stmt":"SELECT 1"}')
        assert (answer.status, answer.content_type) == (401, "")
        assert answer.headers == {"WWW-Authenticate": 'Basic realm="CrateDB Authenticator"'}

    def test_headers_that_tell_of_the_body_pass_and_no_others(
        self, node: FakeCrateDB, session: Session
    ) -> None:
        session.forward(
            gzip.compress(b'{"stmt":"SELECT 1"}'),
            headers={
                "content-encoding": "gzip",
                "Default-Schema": "mine",
                "Authorization": "Basic Ym9iOmhpcw==",
                "X-Real-IP": "10.0.0.1",
                "Host": "elsewhere",
                "Cookie": "c",
            },
        )
        arrived = node.arrived[0]
        headers = {name.lower(): value for name, value in arrived.headers.items()}
        assert arrived.body == b'{"stmt":"SELECT 1"}'
        assert arrived.user == ("ann", "rïght")
        assert headers["default-schema"] == "mine"
        assert "elsewhere" not in headers["host"]
        assert not headers.keys() & {"x-real-ip", "cookie"}

    def test_a_node_that_cannot_serve_is_passed_over(
        self, node: FakeCrateDB, other: FakeCrateDB, open_cluster: Open, moment: Time
    ) -> None:
        node.usual = recorded("no master")
        session = open_cluster(node.url, other.url).session(ANN)
        assert [session.forward(b'{"stmt":"X"}').status for _ in range(3)] == [200] * 3
        other.usual = recorded("unavailable")
        assert session.forward(b'{"stmt":"X"}').status == 503
        assert moment.waits == []


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A self-signed certificate for 127.0.0.1, and its key."""
    folder = tmp_path_factory.mktemp("tls")
    command = (
        "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=127.0.0.1 "
        "-addext subjectAltName=IP:127.0.0.1 -keyout tls.key -out tls.crt"
    )
    try:
        subprocess.run(command.split(), cwd=folder, check=True, capture_output=True)
    except FileNotFoundError:
        pytest.skip("TLS: the command openssl is not installed")
    return folder / "tls.crt", folder / "tls.key"


class TestTls:
    def test_a_certificate_of_a_known_authority_is_trusted(
        self, certificate: tuple[Path, Path], open_cluster: Open
    ) -> None:
        with FakeCrateDB(certificate=certificate) as fake:
            session = open_cluster(fake.url, ca_file=certificate[0]).session(ANN)
            assert session.execute("SELECT 1").rowcount == 1
            assert session.execute("SELECT 1").rowcount == 1
            assert fake.connections == 1

    @pytest.mark.parametrize("known", [True, False])
    def test_another_certificate_is_not_and_no_password_is_sent(
        self, certificate: tuple[Path, Path], open_cluster: Open, moment: Time, known: bool
    ) -> None:
        with FakeCrateDB(certificate=certificate) as fake:
            url = fake.url.replace("127.0.0.1", "localhost") if known else fake.url
            session = open_cluster(url, ca_file=certificate[0] if known else None).session(ANN)
            told = "that its certificate names" if known else "certificate is not trusted"
            with pytest.raises(failures.StoreUnreachable, match=told):
                session.execute("SELECT 1")
            assert fake.arrived == []
        assert moment.waits == []

    def test_a_file_without_a_certificate_is_refused(
        self, open_cluster: Open, tmp_path: Path
    ) -> None:
        empty = tmp_path / "empty.pem"
        empty.write_text("")
        for path in (empty, tmp_path / "nosuch.pem"):
            with pytest.raises(CannotOpen, match=path.name):
                open_cluster("https://localhost:4200", ca_file=path)


class TestRealServer:
    @pytest.fixture
    def url(self) -> str:
        return cratedb_url()

    @pytest.fixture
    def real(self, url: str) -> Iterator[Cluster]:
        cluster = Cluster(ClusterOptions([url]))
        yield cluster
        cluster.close()

    @pytest.mark.parametrize("way", ["execute", "execute_many", "large", "forward"])
    def test_a_wrong_password_is_refused_after_the_right_one(
        self, url: str, real: Cluster, way: str
    ) -> None:
        with a_user(url) as right:
            wrong = Credentials(right.name, "wrong")
            for _ in range(2):
                assert _let_in(real.session(right), way)
                assert not _let_in(real.session(wrong), way)

    def test_a_name_and_password_beyond_ascii_are_let_in(self, url: str, real: Cluster) -> None:
        with a_user(url) as ann, superuser(url) as session:
            session.execute(f"ALTER USER \"{ann.name}\" SET (password = 'pässwörd: 🔑')")
            session = real.session(Credentials(ann.name, "pässwörd: 🔑"))
            assert session.execute("SELECT current_user").rows == [[ann.name]]

    def test_amounts_come_back_digit_for_digit(self, url: str, real: Cluster) -> None:
        amounts = ["12345678901234567890.123456789012345678", "1E-18", "-0.10", "0"]
        with a_schema(url) as schema, superuser(url) as session:
            session.execute(
                f"CREATE TABLE {schema}.amounts (n INTEGER PRIMARY KEY, a NUMERIC(38, 18))"
            )
            insert = f"INSERT INTO {schema}.amounts VALUES (?, ?)"  # noqa: S608  # our own name
            for n, amount in enumerate(amounts):
                session.execute(insert, [n, Decimal(amount)])
            session.execute(f"REFRESH TABLE {schema}.amounts")
            select = f"SELECT a FROM {schema}.amounts ORDER BY n"  # noqa: S608  # our own name
            answer = session.execute(select)
        assert [row[0] for row in answer.rows] == [Decimal(amount) for amount in amounts]

    def test_a_bulk_tells_of_each_row(self, url: str) -> None:
        with a_schema(url) as schema, superuser(url) as session:
            session.execute(f"CREATE TABLE {schema}.t (id TEXT PRIMARY KEY, n INTEGER NOT NULL)")
            insert = f"INSERT INTO {schema}.t (id, n) VALUES (?, ?)"  # noqa: S608  # our own name
            items = session.execute_many(insert, b'["a",1],["a",2],["b",null],["c",3]')
            assert [item.rowcount for item in items] == [1, -2, -2, 1]
            assert [item.is_duplicate for item in items] == [False, True, False, False]
            with pytest.raises(failures.StatementRefused):
                session.execute_many(insert, b'["d","x"]')

    def test_too_little_memory_is_waited_out(self, url: str) -> None:
        cluster = Cluster(ClusterOptions([url], overload_seconds=1.0))
        with superuser(url) as session, a_user(url) as ann:
            session.execute(f'ALTER USER "{ann.name}" SET ("memory.operation_limit" = 100)')
            with pytest.raises(failures.StoreOverloaded) as caught:
                cluster.session(ann).execute(
                    "SELECT count(*), n FROM generate_series(1, 100000, 1) AS t (n) GROUP BY n"
                )
        assert caught.value.told.class_name == "CircuitBreakingException"
        cluster.close()

    def test_one_dead_node_of_two_is_not_noticed(self, url: str) -> None:
        cluster = Cluster(ClusterOptions([f"http://127.0.0.1:{refused_port()}", url]))
        with a_user(url) as ann:
            for _ in range(3):
                assert cluster.session(ann).execute("SELECT 1").rows == [[1]]
        cluster.close()

    def test_what_set_changes_is_seen_by_no_other_statement(self, url: str, real: Cluster) -> None:
        with a_user(url) as ann:
            session = real.session(ann)
            for _ in range(3):
                assert session.forward(b'{"stmt":"SET search_path TO elsewhere"}').status == 200
                answer = session.forward(b'{"stmt":"SHOW search_path"}')
                assert b"elsewhere" not in answer.body
                session.execute("SET SESSION search_path TO elsewhere")
                assert session.execute("SHOW search_path").rows == [["doc"]]


def _ask(session: Session, way: str, statement: str) -> int:
    """Send a statement this way; the HTTP status that it came to."""
    if way == "forward":
        return session.forward(b'{"stmt":"%b"}' % statement.encode()).status
    if way == "execute":
        session.execute(statement)
    else:
        text = b'"%b"' % (b"x" * (3_000_000 if way == "large" else 3))
        session.execute_many(statement, b"[" + text + b"]")
    return 200


def _let_in(session: Session, way: str) -> bool:
    """Whether the server lets the user in; what it says of the statement does not matter."""
    many = "INSERT INTO nosuch.nosuch (a) VALUES (?)"
    try:
        return _ask(session, way, many if way in {"execute_many", "large"} else "SELECT 1") != 401
    except failures.WrongCredentials:
        return False
    except failures.UnknownInStore:
        return True


class _Trickling:
    """A server that answers one byte at a time."""

    def __enter__(self) -> str:
        self._ended = threading.Event()
        self._socket = socket.create_server(("127.0.0.1", 0))
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()
        return f"http://127.0.0.1:{self._socket.getsockname()[1]}"

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()
        self._socket.close()

    def _serve(self) -> None:
        connection, _ = self._socket.accept()
        with connection:
            connection.recv(65_536)
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
            try:
                while not self._ended.wait(0.05):
                    connection.sendall(b" ")
            except OSError:
                return
