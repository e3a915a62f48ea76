"""Uploads that belong to no delivery: gathered, delivered when quiet, repeated without effect."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.factories import a_charge, as_table, charges, part_body
from tests.support.waiting import until

Running = Any
Run = Callable[..., Running]
ARROW = {"Content-Type": "application/vnd.apache.arrow.stream"}
JSON = {"Content-Type": "application/json; charset=utf-8"}
NDJSON = {"Content-Type": "application/x-ndjson"}
LONG = 3_600


def records(rows: list[Any], timestamp: int = 1_725_200_000) -> list[dict[str, Any]]:
    return [
        {"labels": row, "value": float(row["BilledCost"]), "timestamp": timestamp} for row in rows
    ]


def until_settled(running: Running, number: int) -> list[dict[str, Any]]:
    """The ledger, once so many deliveries are settled."""
    for _ in range(200):
        entries: list[dict[str, Any]] = running.admin.get("/deliveries").json()["deliveries"]
        if len(entries) >= number and all(entry["state"] != "open" for entry in entries):
            return entries
        time.sleep(0.05)
    raise AssertionError(f"{number} deliveries were not settled: {entries}")


BODIES = {
    "list": (JSON, lambda rows: json.dumps(records(rows))),
    "NDJSON": (NDJSON, lambda rows: "\n".join(map(json.dumps, records(rows)))),
    "Arrow": (ARROW, lambda rows: part_body(as_table(rows))),
}


@pytest.mark.parametrize("form", BODIES)
def test_uploads_become_one_delivery_when_none_follows(run: Run, form: str) -> None:
    running = run(upload_quiet_seconds=0.3)
    headers, body_of = BODIES[form]
    rows = charges(30)
    for batch in (rows[:20], rows[20:]):
        answer = running.admin.post(
            "/upload?table=Charges&type=Cost", body_of(batch), headers=headers
        )
        assert answer.status_code == 200
        told = answer.json()
        assert told.pop("time_taken") >= 0
        assert told == {
            "message": "Data uploaded successfully",
            "records_processed": len(batch),
        }
    (entry,) = until_settled(running, 1)
    assert (entry["table"], entry["source"]) == ("charges", "upload:costwire")
    assert (entry["state"], entry["rows"]["added"], entry["balanced"]) == ("committed", 30, True)
    if form != "Arrow":
        assert entry["generation"] == "2024-09-01T14:13:20Z"
    assert running.admin.sql("SELECT count(*) FROM charges") == [[30]]


def test_identical_repeats_change_nothing(run: Run) -> None:
    running = run(upload_quiet_seconds=0.2)
    for number in (1, 2):
        for _ in range(2):
            for batch in (charges(30)[:15], charges(30)[15:]):
                body = json.dumps(records(batch, timestamp=1_725_200_000 + number))
                running.admin.post("/upload?table=charges&type=cost", body, headers=JSON)
        entry = until_settled(running, number)[-1]
        assert entry["rows"]["stored"] == 30
    assert (entry["state"], entry["rows"]["unchanged"]) == ("unchanged", 30)


def test_uploads_of_another_time_table_or_user_are_deliveries_of_their_own(run: Run) -> None:
    running = run(upload_quiet_seconds=0.2)
    other = running.user("will", "writer")
    body = json.dumps(records(charges(3)))
    later = json.dumps(records(charges(4), timestamp=1_725_200_300))
    running.admin.post("/upload?table=charges&type=cost", body, headers=JSON)
    running.admin.post("/upload?table=charges&type=cost", later, headers=JSON)
    running.admin.post("/upload?table=more&type=cost", body, headers=JSON)
    changed = json.dumps(records(charges(3, ServiceName="Compute")))
    other.post("/upload?table=charges&type=cost", changed, headers=JSON)
    entries = until_settled(running, 4)
    assert sorted((e["table"], e["source"], e["rows"]["read"]) for e in entries) == [
        ("charges", "upload:costwire", 3),
        ("charges", "upload:costwire", 4),
        ("charges", "upload:will", 3),
        ("more", "upload:costwire", 3),
    ]


def test_gathered_uploads_outlive_a_restart(run: Run, tmp_path: Path) -> None:
    running = run(upload_quiet_seconds=LONG)
    body = json.dumps(records(charges(3)))
    running.admin.post("/upload?table=charges&type=cost", body, headers=JSON)
    assert running.admin.get("/deliveries").json() == {"deliveries": []}
    (folder,) = (tmp_path / "data" / "gathering").iterdir()
    long_ago = time.time() - 2 * LONG
    os.utime(folder, (long_ago, long_ago))
    running = run(upload_quiet_seconds=LONG)
    assert until_settled(running, 1)[0]["rows"]["added"] == 3
    # The folder goes once the ledger has the delivery, so it may be there a moment longer.
    until("nothing waits any more", lambda: not list(folder.parent.iterdir()))
    assert not folder.exists()


def test_folder_that_a_kill_left_empty_holds_up_nothing(run: Run, tmp_path: Path) -> None:
    (tmp_path / "data" / "gathering" / "0123").mkdir(parents=True)
    running = run(upload_quiet_seconds=0.2)
    body = json.dumps(records(charges(3)))
    running.admin.post("/upload?table=charges&type=cost", body, headers=JSON)
    assert until_settled(running, 1)[0]["balanced"]


def test_gathering_that_cannot_be_delivered_holds_up_no_other(run: Run, tmp_path: Path) -> None:
    broken = tmp_path / "data" / "gathering" / "0123"
    broken.mkdir(parents=True)
    (broken / "gathering.json").write_text('{"user": "a", "table": "charges", "timestamp": 1}')
    (broken / "00.arrow").write_bytes(b"broken")
    running = run(upload_quiet_seconds=0.2)
    body = json.dumps(records(charges(3)))
    running.admin.post("/upload?table=charges&type=cost", body, headers=JSON)
    assert until_settled(running, 1)[0]["balanced"]


ODD_LABELS = """[{"timestamp": 1.5, "value": 0.1000000000000000000001, "labels": {
    "ResourceId": "a", "BillingPeriodStart": "2024-09-01", "ListCost": 1.100000000000000000000003,
    "Tags": "env: prod;org: acme", "x_Nothing": "", "x_Null": null, "x_Yes": true,
    "x_List": [1, {"a": null}]
}}, {"timestamp": 1.5, "value": 3, "labels": {"ResourceId": "b", "BilledCost": "7.5"}}]"""


def test_labels_keep_their_text_and_value_counts_only_without_billed_cost(run: Run) -> None:
    running = run(upload_quiet_seconds=0.2)
    assert running.admin.post("/upload?table=charges", ODD_LABELS, headers=JSON).status_code == 200
    until_settled(running, 1)
    costs = running.admin.sql("SELECT BilledCost::text, ListCost::text FROM charges ORDER BY 1")
    assert costs == [
        ["0.1000000000000000000001", "1.100000000000000000000003"],
        ["7.5000000000000000000000", None],
    ]
    others = running.admin.sql(
        'SELECT TagsJson, "x_Nothing", "x_Null", "x_Yes", "x_List" FROM charges '
        "WHERE ResourceId = 'a'"
    )
    assert others == [['{"env": "prod", "org": "acme"}', None, None, "true", '[1, {"a": null}]']]


def test_nothing_is_no_upload(lasting: Running) -> None:
    answer = lasting.admin.post("/upload?table=charges&type=cost", "[]", headers=JSON)
    assert (answer.status_code, answer.json()) == (200, {"result": "No data to process"})


WRONG_UPLOADS = {
    "no table": ("/upload?type=cost", JSON, "[]", "name the table"),
    "table": ("/upload?table=a;b", JSON, "[]", "name the table"),
    "type": ("/upload?table=charges&type=resource", JSON, "[]", "records of type 'resource'"),
    "content type": ("/upload?table=charges", {"Content-Type": "text/csv"}, "a", "not 'text/csv'"),
    "no JSON": ("/upload?table=charges", JSON, "[", "it is no JSON"),
    "deep JSON": ("/upload?table=charges", JSON, "[" * 100_000, "it is no JSON"),
    "no list": ("/upload?table=charges", JSON, "{}", "it is no list"),
    "no labels": ("/upload?table=charges", JSON, "[{}]", "record 1 has no labels"),
    "no record": ("/upload?table=charges", JSON, "[1]", "record 1 has no labels"),
    "no NDJSON": ("/upload?table=charges", NDJSON, '{"labels": {}}\nx', "line 2 is no JSON"),
    "no Arrow": ("/upload?table=charges", ARROW, "x", "no whole Arrow IPC stream"),
    "milliseconds": (
        "/upload?table=charges",
        JSON,
        '[{"labels": {"a": "b"}, "timestamp": 1725200000000}]',
        "the timestamp of record 1 is no Unix time in seconds",
    ),
    "not a time": (
        "/upload?table=charges",
        JSON,
        '[{"labels": {"a": "b"}, "timestamp": NaN}]',
        "the timestamp of record 1",
    ),
    "surrogate": (
        "/upload?table=charges",
        JSON,
        '[{"labels": {"a": "\\ud800"}}]',
        "half of a surrogate pair",
    ),
    "surrogate in a name": (
        "/upload?table=charges",
        JSON,
        '[{"labels": {"\\ud800": "a"}}]',
        "half of a surrogate pair",
    ),
}


@pytest.mark.parametrize("wrong", WRONG_UPLOADS)
def test_wrong_upload_is_refused(lasting: Running, wrong: str) -> None:
    path, headers, body, message = WRONG_UPLOADS[wrong]
    answer = lasting.admin.post(path, body, headers=headers)
    assert answer.status_code == 400
    assert message in answer.json()["detail"]
    assert answer.json()["type"] in (
        "urn:costwire:problem:bad-upload",
        "urn:costwire:problem:bad-part",
    )


def test_records_may_have_different_labels(run: Run) -> None:
    running = run(upload_quiet_seconds=0.2)
    rows = [a_charge(x_a="1"), a_charge(x_b="2")]
    running.admin.post("/upload?table=charges", json.dumps(records(rows)), headers=JSON)
    until_settled(running, 1)
    assert running.admin.sql('SELECT "x_a", "x_b" FROM charges ORDER BY 1') == [
        ["1", None],
        [None, "2"],
    ]
