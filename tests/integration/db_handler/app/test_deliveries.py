"""Deliveries over HTTP."""

from __future__ import annotations

import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest
from tests.factories import a_charge, a_report, an_unusable_row, as_table, charges, part_body

from costwire_runtime.problems import MEDIA_TYPE

Running = Any
Run = Callable[..., Running]


def lines(rows: list[dict[str, Any]]) -> str:
    return "".join(json.dumps(row) + "\n" for row in rows)


def test_delivery_goes_through_its_states(running: Running) -> None:
    admin = running.admin
    unusable = [an_unusable_row(3), an_unusable_row(2)]
    report = a_report(charges(25), part_rows=10, quarantine=unusable, quarantined_cost="0.5")
    opened = admin.open(report)
    assert (opened.status_code, opened.json()["parts"]) == (201, [])
    one = f"/deliveries/{opened.json()['entry']['commit']}"
    for seq in (2, 0, 1):
        sent = admin.post(f"{one}/parts?seq={seq}", part_body(report.parts[seq]))
        assert (sent.status_code, sent.content) == (204, b"")
        assert seq in admin.open(report).json()["parts"]
    assert admin.post(f"{one}/quarantine", lines(unusable)).status_code == 204
    assert admin.get(one).json()["state"] == "open"
    assert admin.post(f"{one}/commit?dryRun=true").json()["rows"]["added"] == 25
    settled = admin.post(f"{one}/commit").json()
    assert settled == admin.get(one).json() == admin.post(f"{one}/commit").json()
    assert (settled["state"], settled["balanced"]) == ("committed", True)
    assert settled["rows"] == {
        "read": 27,
        "stored": 25,
        "quarantined": 2,
        "held": 0,
        "added": 25,
        "removed": 0,
        "corrected": 0,
        "unchanged": 0,
        "erased": 0,
        "retired": 0,
        "repaired": 0,
        "unrepaired": 0,
    }
    assert settled["sums"]["USD"]["BilledCost"] == {
        "read": "331.75",
        "stored": "331.25",
        "quarantined": "0.5",
        "erased": "0",
        "repaired": "0",
    }
    told = admin.get(f"{one}/quarantine")
    assert told.headers["Content-Type"].startswith("application/x-ndjson")
    rows = [json.loads(line) for line in told.text.splitlines()]
    assert [row.pop("row") for row in rows] == ["2", "1"]
    assert rows == unusable[::-1]
    assert admin.get("/deliveries?table=charges").json() == {"deliveries": [settled]}
    assert admin.get("/deliveries?table=other").json() == {"deliveries": []}
    again = admin.open(report)
    assert (again.status_code, again.json()["entry"]["state"]) == (200, "unchanged")
    assert admin.get(f"{one[:-1]}2/quarantine").text == told.text


def test_entry_has_the_fields_of_the_ledger(running: Running) -> None:
    entry = running.admin.deliver(a_report(charges(3), findings={"CW-X": 4}))
    assert list(entry) == [
        *("commit", "id", "table", "source", "state", "generation", "focusVersion"),
        *("billingPeriods", "rows", "sums", "findings", "mapped", "balanced", "reason"),
        *("closedPeriods", "decisions", "replays", "repairs", "by", "condition", "horizon"),
        "times",
    ]
    assert entry["generation"] == "2024-12-11T10:00:00Z"
    assert entry["billingPeriods"] == [
        {"start": "2024-09-01T00:00:00Z", "end": "2024-10-01T00:00:00Z"}
    ]
    assert entry["findings"] == {"CW-X": 4}
    assert list(entry["times"]) == ["read", "opened", "committed"]


def test_held_delivery_is_accepted_or_rejected(running: Running) -> None:
    admin = running.admin
    admin.deliver(a_report(charges(30)))
    decisions = (("reject", "rejected", 30), ("accept", "committed", 10))
    for hours, (act, state, rows) in enumerate(decisions, start=1):
        held = admin.deliver(a_report(charges(10)).generated(hours=hours))
        assert held["state"] == "held"
        decided = admin.post(f"/deliveries/{held['commit']}/{act}")
        assert (decided.status_code, decided.json()["state"]) == (200, state)
        assert admin.sql("SELECT count(*) FROM charges") == [[rows]]
    again = admin.post(f"/deliveries/{held['commit']}/accept")
    assert (again.status_code, again.json()["type"]) == (409, "urn:costwire:problem:wrong-state")


def test_aborted_delivery_is_gone_but_in_the_ledger(running: Running) -> None:
    one = f"/deliveries/{running.admin.open(a_report(charges(3))).json()['entry']['commit']}"
    assert running.admin.delete(one).status_code == 204
    assert running.admin.delete(one).status_code == 204
    assert running.admin.get(one).json()["state"] == "aborted"
    assert running.admin.post(f"{one}/commit").status_code == 409


def test_dry_run_leaves_no_trace(running: Running) -> None:
    report = a_report(charges(3))
    opened = running.admin.open(report, "?dryRun=true").json()["entry"]
    one = f"/deliveries/{opened['commit']}"
    running.admin.post(f"{one}/parts?seq=0", part_body(report.parts[0]))
    assert running.admin.post(f"{one}/commit").json()["rows"]["added"] == 3
    assert running.admin.get(one).status_code == 404
    assert running.admin.get("/deliveries").json() == {"deliveries": []}


def test_unbalanced_delivery_is_refused_and_stays_open(running: Running) -> None:
    report = a_report(charges(30), part_rows=10)
    one = f"/deliveries/{running.admin.open(report).json()['entry']['commit']}"
    running.admin.post(f"{one}/parts?seq=0", part_body(report.parts[0]))
    refused = running.admin.post(f"{one}/commit")
    assert (refused.status_code, refused.json()["type"]) == (422, "urn:costwire:problem:unbalanced")
    assert running.admin.get(one).json()["state"] == "open"


def test_ledger_and_open_deliveries_outlive_a_restart(run: Run) -> None:
    admin = run().admin
    admin.deliver(a_report(charges(30)))
    entry = admin.open(a_report(charges(29)).generated(hours=1)).json()["entry"]
    before = admin.get("/deliveries").text
    admin = run().admin
    assert admin.get("/deliveries").text == before
    assert admin.deliver(a_report(charges(29)).generated(hours=1))["commit"] == entry["commit"]


GOOD = json.loads(a_report(charges(2)).manifest.to_json())
WRONG_MANIFESTS: dict[str, tuple[Any, str]] = {
    "no JSON": ("{", "the document: Invalid JSON"),
    "not UTF-8": (b"\xff", "the document: Invalid JSON"),
    "no object": ("[]", "the document: "),
    "nothing": ("", "the document: Invalid JSON"),
    "no source": (GOOD | {"source": ""}, "source: "),
    "table": (GOOD | {"table": "Costs; DROP"}, "table: 'Costs; DROP' is no table name"),
    "id": (GOOD | {"id": "1"}, "id: String should match"),
    "generation": (GOOD | {"generation": "yesterday"}, "generation: "),
    "format": (GOOD | {"format": 9}, "format 9 is not known here"),
    "rows": (
        GOOD | {"rows": {"read": 3, "published": 2, "quarantined": 0}},
        "rows: 3 were read, but 2 published and 0 quarantined",
    ),
    "negative": (
        GOOD | {"rows": {"read": -1, "published": -1, "quarantined": 0}},
        "rows.read: Input should be greater",
    ),
    "columns": (
        GOOD | {"columns": [{"name": "a", "label": "a"}, {"name": "a", "label": "b"}]},
        "columns: 'a' stands twice",
    ),
    "version": (GOOD | {"focusVersion": "2.0"}, "focusVersion: '2.0' is no known version of FOCUS"),
    "month": (GOOD | {"scope": {"declared": ["2024-13"]}}, "scope.declared.0: "),
    "sum": (
        GOOD
        | {
            "sums": {
                "USD": {"BilledCost": dict.fromkeys(("read", "published", "quarantined"), "x")}
            }
        },
        "sums: BilledCost in USD: one of its sums is no amount",
    ),
    "huge sum": (
        GOOD
        | {
            "sums": {"USD": {"ListCost": {"read": "1e99999", "published": "0", "quarantined": "0"}}}
        },
        "sums: ListCost in USD: one of its sums is no amount",
    ),
    "sums differ": (
        GOOD | {"sums": {"USD": {"ListCost": {"read": "1", "published": "2", "quarantined": "0"}}}},
        "sums: ListCost in USD: 1 was read, but 2 published",
    ),
}


@pytest.mark.parametrize("wrong", WRONG_MANIFESTS)
def test_wrong_manifest_is_refused(lasting: Running, wrong: str) -> None:
    body, message = WRONG_MANIFESTS[wrong]
    sent = body if isinstance(body, str | bytes) else json.dumps(body)
    answer = lasting.admin.post("/deliveries", sent)
    assert answer.status_code == 400
    assert answer.headers["Content-Type"] == MEDIA_TYPE
    problem = answer.json()
    assert problem["type"] == "urn:costwire:problem:bad-manifest"
    assert problem["detail"].startswith(f"read the manifest: {message}")


@pytest.fixture(scope="module")
def opened(lasting: Running) -> str:
    entry = lasting.admin.open(a_report([a_charge(x_a="1")], source="parts")).json()["entry"]
    return f"/deliveries/{entry['commit']}"


TYPED = pa.table({"BilledCost": pa.array([1.5])})
TWICE = pa.Table.from_arrays([pa.array(["1"])] * 2, names=["x_a", "x_a"])
WRONG_PARTS = {
    "no stream": (b"abc", "it is no whole Arrow IPC stream"),
    "nothing": (b"", "it is no whole Arrow IPC stream"),
    "cut off": (part_body(as_table(charges(500)))[:-900], "it is no whole Arrow IPC stream"),
    "typed": (part_body(TYPED), "column 'BilledCost' is double, not text"),
    "twice": (part_body(TWICE), "column 'x_a' stands twice"),
    "unknown": (part_body(as_table([{"y": "1"}])), "the manifest has no column 'y'"),
    "not UTF-8": (
        part_body(pa.table({"x_a": pa.array([b"\xff\xfe"]).view(pa.string())})),
        "column 'x_a' is not UTF-8",
    ),
}


@pytest.mark.parametrize("wrong", WRONG_PARTS)
def test_wrong_part_is_refused(lasting: Running, opened: str, wrong: str) -> None:
    body, message = WRONG_PARTS[wrong]
    answer = lasting.admin.post(f"{opened}/parts?seq=5", body)
    assert (answer.status_code, answer.json()["type"]) == (400, "urn:costwire:problem:bad-part")
    assert message in answer.json()["detail"]


@pytest.mark.parametrize(
    "seq", ["", "?seq=", "?seq=-1", "?seq=x", "?seq=1.5", "?seq=123456789", "?seq=²"]
)
def test_part_wants_a_number(lasting: Running, opened: str, seq: str) -> None:
    answer = lasting.admin.post(f"{opened}/parts{seq}", part_body(as_table(charges(1))))
    assert (answer.status_code, answer.json()["type"]) == (400, "urn:costwire:problem:bad-part")


def test_part_with_other_bytes_is_a_conflict(lasting: Running, opened: str) -> None:
    bodies = [part_body(as_table([{"x_a": text}])) for text in "ab"]
    assert lasting.admin.post(f"{opened}/parts?seq=6", bodies[0]).status_code == 204
    assert lasting.admin.post(f"{opened}/parts?seq=6", bodies[0]).status_code == 204
    other = lasting.admin.post(f"{opened}/parts?seq=6", bodies[1])
    assert (other.status_code, other.json()["type"]) == (409, "urn:costwire:problem:part-differs")


WRONG_QUARANTINES = {
    "no JSON": "{",
    "no object": "[]",
    "a field too few": '{"file": "a", "line": 1, "raw": "", "column": null, "rule": "R"}',
    "line": json.dumps(an_unusable_row() | {"line": "2"}),
    "negative line": json.dumps(an_unusable_row(-1)),
    "huge line": json.dumps(an_unusable_row(1 << 64)),
    "column": json.dumps(an_unusable_row() | {"column": 0}),
    "raw": json.dumps(an_unusable_row() | {"raw": None}),
    "half a surrogate": json.dumps(an_unusable_row() | {"reason": "\ud800"}),
}


@pytest.mark.parametrize("line", WRONG_QUARANTINES.values(), ids=WRONG_QUARANTINES)
def test_wrong_quarantine_is_refused(lasting: Running, opened: str, line: str) -> None:
    answer = lasting.admin.post(f"{opened}/quarantine", f"{lines([an_unusable_row()])}\n{line}\n")
    assert (answer.status_code, answer.json()["line"]) == (400, 3)


def test_large_quarantine_is_taken_in_pieces(running: Running) -> None:
    rows = [an_unusable_row(line, raw="x" * 400) for line in range(12_000)]
    report = a_report([], columns=["BilledCost"], quarantine=rows)
    one = f"/deliveries/{running.admin.open(report).json()['entry']['commit']}"
    assert running.admin.post(f"{one}/quarantine", lines(rows)).status_code == 204
    assert running.admin.post(f"{one}/commit").json()["rows"]["quarantined"] == 12_000
    assert len(running.admin.get(f"{one}/quarantine").text.splitlines()) == 12_000


def test_bodies_have_limits(run: Run) -> None:
    running = run(
        part_limit_mib=1, manifest_limit_mib=1, quarantine_limit_mib=1, upload_limit_mib=1
    )
    one = f"/deliveries/{running.admin.open(a_report(charges(1))).json()['entry']['commit']}"
    large = b"x" * (1024 * 1024 + 1)
    paths = ("/deliveries", f"{one}/parts?seq=0", f"{one}/quarantine", "/upload?table=charges")
    for path in paths:
        answer = running.admin.post(path, iter([large]))
        assert (answer.status_code, answer.headers["Content-Type"]) == (413, MEDIA_TYPE)
        assert answer.json()["limitBytes"] == 1024 * 1024


def test_a_sheet_beyond_the_limit_is_refused_with_what_to_do(run: Run) -> None:
    running = run(upload_limit_mib=1)
    answer = running.admin.post("/deliveries/1/replay", b"x" * (1024 * 1024 + 1))
    assert answer.status_code == 413
    told = answer.json()["detail"]
    assert "several sheets" in told
    assert "HANDLER_UPLOAD_LIMIT_MIB" in told


def test_too_many_open_deliveries_are_told_to_wait(run: Run) -> None:
    admin = run(open_deliveries=1).admin
    admin.open(a_report(charges(1)))
    answer = admin.open(a_report(charges(2)))
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "60")
    assert answer.headers["Content-Type"] == MEDIA_TYPE


NOWHERE = [
    ("GET", "/nothing", 404),
    ("GET", "/deliveries/", 404),
    ("GET", "/deliveries/7", 404),
    ("GET", "/deliveries/x", 404),
    ("GET", "/deliveries/-1", 404),
    ("GET", "/deliveries/99999999999999999999", 404),
    ("GET", "/deliveries/7/quarantine", 404),
    ("POST", "/deliveries/7/commit", 404),
    ("POST", "/deliveries/7/accept", 404),
    ("POST", "/deliveries/7/reject", 404),
    ("POST", "/deliveries/7/quarantine", 404),
    ("DELETE", "/deliveries/7", 404),
    ("PUT", "/deliveries", 405),
    ("GET", "/upload", 405),
    ("DELETE", "/users", 405),
]


@pytest.mark.parametrize(("method", "path", "status"), NOWHERE)
def test_failures_have_one_shape(
    running_alone: Running, method: str, path: str, status: int
) -> None:
    answer = running_alone.admin.request(method, path)
    assert answer.status_code == status
    assert answer.headers["Content-Type"] == MEDIA_TYPE
    assert {"type", "title", "status", "detail", "instance"} <= answer.json().keys()


@pytest.fixture(scope="module")
def running_alone(lasting: Running) -> Running:
    """A handler whose ledger has no seventh delivery."""
    deliveries = lasting.admin.get("/deliveries").json()["deliveries"]
    assert all(entry["commit"] != 7 for entry in deliveries)
    return lasting


def test_metrics_count_each_settled_delivery_once(running: Running) -> None:
    entry = running.admin.deliver(a_report(charges(30)))
    running.admin.post(f"/deliveries/{entry['commit']}/commit")
    running.admin.open(a_report(charges(30)))
    told = running.nobody.get("/-/metrics").text.splitlines()
    states = 'costwire_db_handler_deliveries_total{state="%s",table="charges"} 1.0'
    assert states % "committed" in told
    assert states % "unchanged" in told
    assert 'costwire_db_handler_charges_total{fate="added",table="charges"} 30.0' in told
    assert "costwire_db_handler_staged_charges_total 30.0" in told


def test_amounts_come_as_exact_text_when_asked_for(running: Running) -> None:
    amount = "123456789012.123456789012345678901234"
    running.admin.deliver(a_report([a_charge(BilledCost=amount)]))
    ((text,),) = running.admin.sql(
        "SELECT BilledCost::text FROM charges WHERE ServiceName = ?", "Storage"
    )
    assert Decimal(text) == Decimal(amount)


def test_table_of_a_user_is_not_delivered_to(running: Running) -> None:
    running.admin.post("/_sql", json={"stmt": "CREATE TABLE mine (a INTEGER)"})
    answer = running.admin.open(a_report(charges(3), table="mine"))
    assert (answer.status_code, answer.json()["type"]) == (409, "urn:costwire:problem:table-taken")
    assert answer.json()["detail"].startswith("deliver to mine: costwire has a table of this name")
