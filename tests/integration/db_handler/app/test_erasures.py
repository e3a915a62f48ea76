"""`POST /erasures`: who may ask, what it tells, and uploads that are on their way."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from tests.factories import a_charge, a_report, charges

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


def test_history_leaves_after_a_settlement_where_days_are_set(run: Callable[..., Any]) -> None:
    running = run()
    for number in range(3):
        report = a_report(charges(10, BilledCost=str(number))).generated(hours=number)
        running.admin.deliver(report)
    running = run(history_days=1e-9)
    last = running.admin.deliver(a_report(charges(11, BilledCost="9")).generated(hours=9))
    entries = running.admin.get("/deliveries").json()["deliveries"]
    told = entries[-1]
    assert (told["state"], told["rows"]["retired"] in (20, 30)) == ("retired", True)
    assert told["horizon"] <= last["commit"] < told["commit"]
    shown = running.admin.get("/-/metrics").text
    assert f'charges_total{{fate="retired",table="charges"}} {told["rows"]["retired"]}.0' in shown
    assert running.admin.sql("SELECT count(*) FROM charges") == [[11]]
