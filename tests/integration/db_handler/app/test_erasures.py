"""`POST /erasures`: who may ask, what it tells, and uploads that are on their way."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable
from typing import Any

import pytest
from tests.factories import a_charge, a_report, charges
from tests.support.waiting import until

from costwire_runtime.logs import JsonFormatter

WHERE = "Tags['person'] = 'Zaphod'"


def ask(client: Any, where: str = WHERE, query: str = "", **more: Any) -> Any:
    return client.post(
        f"/erasures{query}", json.dumps({"table": "charges", "where": where, **more})
    )


def a_bill() -> Any:
    return a_report([*charges(29), a_charge(Tags='{"person": "Zaphod"}', ResourceId="z")])


def test_erasing_takes_an_admin(running: Any) -> None:
    running.admin.deliver(a_bill())
    assert ask(running.nobody).status_code == 401
    assert ask(running.user("rita", "reader")).status_code == 403
    assert ask(running.user("will", "writer")).status_code == 403
    assert ask(running.admin).status_code == 200


def test_answer_tells_what_was_erased(running: Any) -> None:
    first = running.admin.deliver(a_bill())
    tried = ask(running.admin, query="?dryRun=true").json()
    assert (tried["dryRun"], tried["entry"]["rows"]["erased"]) == (True, 1)
    assert len(running.admin.get("/deliveries").json()["deliveries"]) == 1
    answer = ask(running.admin, reason="asked for").json()
    assert answer["entry"]["state"] == "erased"
    assert answer["entry"]["reason"] == "asked for"
    assert answer["deliveries"] == [
        {"commit": first["commit"], "source": "aws", "state": "committed", "erased": 1}
    ]
    assert "brings them back" in answer["note"]
    assert running.admin.sql("SELECT count(*) FROM charges") == [[29]]
    assert ask(running.admin).json()["entry"]["rows"]["erased"] == 0
    shown = running.admin.get("/-/metrics").text
    assert 'charges_total{fate="erased",table="charges"} 1.0' in shown


def test_refusals_say_what_to_do(running: Any) -> None:
    running.admin.deliver(a_bill())
    for body in ("", "{", "[]", '{"table": "charges"}', '{"table": "charges", "where": 1}'):
        answer = running.admin.post("/erasures", body)
        assert (answer.status_code, answer.json()["type"]) == (
            400,
            "urn:costwire:problem:bad-question",
        )
    for where in ("", "  ", "1 = 1", "NoSuch = 'x'", "Tags['person'] = "):
        assert ask(running.admin, where).status_code == 400
    unknown = running.admin.post("/erasures", json.dumps({"table": "nosuch", "where": WHERE}))
    assert unknown.status_code == 404
    assert running.admin.sql("SELECT count(*) FROM charges") == [[30]]


def test_tables_of_users_are_named(running: Any) -> None:
    running.admin.deliver(a_bill())
    writer = running.user("will", "writer")
    writer.sql("CREATE TABLE my_copy (person TEXT)")
    assert ask(running.admin).json()["elsewhere"] == ["my_copy"]


def test_uploads_on_their_way_are_delivered_and_erased(running: Any) -> None:
    running.admin.deliver(a_bill())
    record = {
        "labels": {"ResourceId": "up", "BilledCost": "1", "Tags": '{"person": "Zaphod"}'},
        "value": 1,
        "timestamp": 1_700_000_000,
    }
    answer = running.admin.post("/upload?table=charges", json=[record])
    assert answer.status_code < 300, answer.text
    told = ask(running.admin).json()
    assert told["entry"]["rows"]["erased"] == 2
    assert running.admin.sql("SELECT count(*) FROM charges WHERE ResourceId = 'up'") == [[0]]


def retired(running: Any) -> Any:
    """The first entry of history that has left; it is waited for."""
    for _ in range(100):
        entries = running.admin.get("/deliveries").json()["deliveries"]
        found = [entry for entry in entries if entry["state"] == "retired"]
        if found:
            return found[0]
        time.sleep(0.1)
    raise AssertionError("nothing has left")


def test_history_leaves_after_a_settlement_where_days_are_set(run: Callable[..., Any]) -> None:
    running = run()
    for number in range(3):
        report = a_report(charges(10, BilledCost=str(number))).generated(hours=number)
        running.admin.deliver(report)
    running = run(history_days=1e-9)
    running.admin.deliver(a_report(charges(11, BilledCost="9")).generated(hours=9))
    told = retired(running)
    assert told["rows"]["retired"] in (20, 30)
    shown = running.admin.get("/-/metrics").text
    assert f'charges_total{{fate="retired",table="charges"}} {told["rows"]["retired"]}.0' in shown
    assert 'deliveries_total{state="retired"' not in shown
    assert running.admin.sql("SELECT count(*) FROM charges") == [[11]]

    def noted() -> Any:
        entries = running.admin.get("/audit").json()["entries"]
        return next((entry for entry in entries if entry["about"].get("act") == "retired"), None)

    assert until("the audit log tells what left", noted)["by"] is None


def test_history_of_a_quiet_table_leaves_after_a_start(run: Callable[..., Any]) -> None:
    running = run()
    for number in range(2):
        report = a_report(charges(10, BilledCost=str(number))).generated(hours=number)
        running.admin.deliver(report)
    running = run(history_days=1e-9)
    assert retired(running)["rows"]["retired"] == 10
    assert running.admin.sql("SELECT count(*) FROM charges") == [[10]]


def test_erasures_and_aborts_are_in_the_log_without_values(
    running: Any, caplog: pytest.LogCaptureFixture
) -> None:
    running.admin.deliver(a_bill())
    first, second = (
        running.admin.open(a_report(charges(number))).json()["entry"]["commit"] for number in (3, 4)
    )
    with caplog.at_level(logging.INFO):
        running.admin.delete(f"/deliveries/{first}")
        running.admin.delete(f"/deliveries/{first}")
        erasure = ask(running.admin).json()
    lines = [json.loads(JsonFormatter().format(record)) for record in caplog.records]
    (aborted,) = [line for line in lines if line["message"] == "a user decided on a delivery"]
    assert (aborted["commit"], aborted["act"]) == (first, "aborted")
    assert aborted["by"]
    (erased,) = [line for line in lines if line["message"] == "a user erased charges"]
    assert (erased["commit"], erased["act"]) == (erasure["entry"]["commit"], "erased")
    assert (erased["by"], erased["condition"]) == (aborted["by"], "Tags['person'] = ?")
    assert erased["aborted"] == [second]
    assert "Zaphod" not in json.dumps(lines)
