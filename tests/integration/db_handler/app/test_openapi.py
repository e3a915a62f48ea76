"""What a handler answers is what its description says, for every operation that is described.

The examples of the description are sent as they stand, and come back as they stand.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

import pyarrow as pa
import pytest
import requests
from tests.factories import a_charge, a_report, as_changes, charges, part_body
from tests.integration.db_handler.app.conftest import ARROW, Client, Running
from tests.support.openapi import Node, Operation, assert_as_told, operations

from costwire_db_handler.openapi import document
from costwire_db_handler.openapi.ledger import COMMITTED, OPENED
from costwire_db_handler.openapi.manifest import MANIFEST, QUARANTINED

DOCUMENT = document()
DESCRIBED = {str(operation): operation for operation in operations(DOCUMENT)}
GUARDED = [each for each in DESCRIBED.values() if each.told.get("security") != []]
CHARGES = pa.table(
    {
        "BilledCost": ["1.5", "2.03"],
        "BillingCurrency": ["USD", "USD"],
        "BillingPeriodStart": ["2024-09-01T00:00:00Z"] * 2,
        "BillingPeriodEnd": ["2024-10-01T00:00:00Z"] * 2,
        "ServiceName": ["Compute", "Storage"],
        "ResourceId": ["vm-1", "disk-1"],
    }
)
NEVER = 999


class Asked:
    """Asks, holds each answer against the description, and notes what was asked."""

    def __init__(self) -> None:
        self.statuses: dict[str, set[int]] = {name: set() for name in DESCRIBED}

    def ask(
        self,
        client: Client,
        which: str,
        status: int,
        body: Any = None,
        /,
        *,
        query: str = "",
        **at: Any,
    ) -> requests.Response:
        operation = DESCRIBED[which]
        path = operation.path.format(**at)
        headers = {"Content-Type": _media(operation)} if body is not None else {}
        data = json.dumps(body) if isinstance(body, dict | list) else body
        answer = client.request(operation.method.upper(), path + query, data=data, headers=headers)
        assert answer.status_code == status, (which, answer.text)
        assert_as_told(DOCUMENT, operation, answer)
        self.statuses[which].add(status)
        return answer


def _media(operation: Operation) -> str:
    return next(iter(operation.told["requestBody"]["content"]))


def example(name: str, label: str) -> Any:
    body = DESCRIBED[name].told["requestBody"]["content"]
    return next(iter(body.values()))["examples"][label]["value"]


def told(name: str, status: str, label: str) -> Any:
    (body,) = DESCRIBED[name].told["responses"][status]["content"].values()
    return body["examples"][label]["value"]


@pytest.fixture(scope="module")
def asked() -> Asked:
    return Asked()


@pytest.fixture(scope="module")
def will(lasting: Running) -> Client:
    return lasting.user("will", "writer")


@pytest.fixture(scope="module")
def rita(lasting: Running) -> Client:
    return lasting.user("rita", "reader")


@pytest.mark.parametrize("name", [str(each) for each in GUARDED])
def test_requests_beyond_the_limits_are_refused_as_told(rita: Client, name: str) -> None:
    operation = DESCRIBED[name]
    path = re.sub(r"\{.*?\}", "1", operation.path)
    method = operation.method.upper()
    for status, long in (
        (414, {"path": f"{path}?by={'x' * 9000}"}),
        (431, {"path": path, "headers": {f"X-{number}": "1" for number in range(120)}}),
    ):
        answer = rita.request(method, **long)
        assert answer.status_code == status
        assert_as_told(DOCUMENT, operation, answer)


TIMES = frozenset({"times", "at", "frozen", "delivery"})
"""What differs from one run to the next."""


def without_times(told: Any) -> Any:
    """A document without what differs from one run to the next."""
    if isinstance(told, dict):
        return {name: without_times(each) for name, each in told.items() if name not in TIMES}
    return [without_times(each) for each in told] if isinstance(told, list) else told


@pytest.fixture(scope="module")
def delivered(asked: Asked, will: Client) -> Node:
    """The entry of the delivery that the examples are of."""
    opened = asked.ask(will, "POST /deliveries", 201, example("POST /deliveries", "september"))
    assert without_times(opened.json()["entry"]) == without_times(OPENED)
    at = {"commit": opened.json()["entry"]["commit"]}
    part = part_body(CHARGES)
    asked.ask(will, "POST /deliveries/{commit}/parts", 400, part, **at)
    asked.ask(will, "POST /deliveries/{commit}/commit", 422, **at)
    for _ in range(2):
        asked.ask(will, "POST /deliveries/{commit}/parts", 204, part, query="?seq=0", **at)
    other = part_body(CHARGES.slice(1))
    asked.ask(will, "POST /deliveries/{commit}/parts", 409, other, query="?seq=0", **at)
    rows = example("POST /deliveries/{commit}/quarantine", "one")
    asked.ask(will, "POST /deliveries/{commit}/quarantine", 400, "{", **at)
    asked.ask(will, "POST /deliveries/{commit}/quarantine", 204, rows, **at)
    asked.ask(will, "POST /deliveries/{commit}/commit", 200, query="?dryRun=true", **at)
    settled = asked.ask(will, "POST /deliveries/{commit}/commit", 200, **at)
    asked.ask(will, "POST /deliveries/{commit}/parts", 409, part, query="?seq=0", **at)
    asked.ask(will, "POST /deliveries/{commit}/quarantine", 409, rows, **at)
    entry: Node = settled.json()
    return entry


def test_example_is_what_a_delivery_comes_to(delivered: Node) -> None:
    assert without_times(delivered) == without_times(COMMITTED)


def test_a_delivery_of_changes_is_as_told(run: Callable[..., Running], asked: Asked) -> None:
    will = run().user("will", "writer")
    before = a_report(charges(3))
    will.deliver(before)
    rows = [*charges(2), a_charge(ResourceId="disk-3", BilledCost="7")]
    changed = as_changes(a_report(rows).generated(hours=1), before)
    manifest = json.loads(changed.report.manifest.to_json())
    opened = asked.ask(will, "POST /deliveries", 201, manifest).json()
    assert opened["changes"] is True
    at, commit = {"commit": opened["entry"]["commit"]}, "POST /deliveries/{commit}/commit"
    asked.ask(will, commit, 409, query="?changes=true", **at)
    parts = {"added": part_body(changed.added), "removed": part_body(changed.removed)}
    for kind, part in parts.items():
        which = f"POST /deliveries/{{commit}}/changes/{kind}"
        asked.ask(will, which, 400, part, **at)
        asked.ask(will, which, 204, part, query="?seq=0", **at)
    settled = asked.ask(will, commit, 200, query="?changes=true", **at).json()
    assert (settled["rows"]["added"], settled["rows"]["removed"]) == (1, 1)
    for kind, part in parts.items():
        which = f"POST /deliveries/{{commit}}/changes/{kind}"
        asked.ask(will, which, 409, part, query="?seq=0", **at)


def test_ledger_is_as_told(delivered: Node, asked: Asked, rita: Client) -> None:
    at = {"commit": delivered["commit"]}
    listed = asked.ask(rita, "GET /deliveries", 200, query="?table=charges")
    assert delivered in listed.json()["deliveries"]
    assert asked.ask(rita, "GET /deliveries/{commit}", 200, **at).json() == delivered
    rows = asked.ask(rita, "GET /deliveries/{commit}/quarantine", 200, **at)
    assert rows.text == told("GET /deliveries/{commit}/quarantine", "200", "one")
    assert [json.loads(line) for line in rows.text.splitlines()] == [{"row": "1", **QUARANTINED}]


def test_the_way_out_of_the_quarantine_is_as_told(
    run: Callable[..., Running], asked: Asked
) -> None:
    running = run()
    will, rita = running.user("will", "writer"), running.user("rita", "reader")
    fresh = Asked()
    opened = fresh.ask(will, "POST /deliveries", 201, MANIFEST).json()["entry"]
    at = {"commit": opened["commit"]}
    sheet = example("POST /deliveries/{commit}/replay", "one")
    asked.ask(will, "POST /deliveries/{commit}/replay", 409, sheet, **at)
    part = part_body(CHARGES)
    fresh.ask(will, "POST /deliveries/{commit}/parts", 204, part, query="?seq=0", **at)
    rows = example("POST /deliveries/{commit}/quarantine", "one")
    fresh.ask(will, "POST /deliveries/{commit}/quarantine", 204, rows, **at)
    fresh.ask(will, "POST /deliveries/{commit}/commit", 200, **at)
    listed = asked.ask(rita, "GET /quarantine", 200, query="?table=charges").json()
    assert listed == told("GET /quarantine", "200", "one")
    written = asked.ask(rita, "GET /deliveries/{commit}/quarantine.csv", 200, **at)
    assert written.text == told("GET /deliveries/{commit}/quarantine.csv", "200", "one")
    asked.ask(will, "POST /deliveries/{commit}/replay", 400, "a,b", **at)
    broken = asked.ask(will, "POST /deliveries/{commit}/replay", 422, written.text, **at).json()
    (row,) = broken["rows"]
    assert (row["row"], row["line"], row["column"]) == ("1", 2, "BillingPeriodEnd")
    assert (broken["line"], broken["column"]) == (2, "BillingPeriodEnd")
    tried = asked.ask(
        will, "POST /deliveries/{commit}/replay", 200, written.text, query="?dryRun=true", **at
    ).json()
    assert (tried["dryRun"], tried["rows"], tried["broken"]) == (True, 0, [row])
    asked.ask(rita, "POST /deliveries/{commit}/replay", 403, sheet, **at)
    replayed = asked.ask(will, "POST /deliveries/{commit}/replay", 200, sheet, **at).json()
    expected = told("POST /deliveries/{commit}/replay", "200", "one")
    assert without_times(replayed) == without_times(expected)
    again = asked.ask(will, "POST /deliveries/{commit}/replay", 200, sheet, **at).json()
    assert (again["rows"], again["unchanged"]) == (0, 1)
    assert again["entry"] == replayed["entry"]
    assert asked.ask(rita, "GET /quarantine", 200).json() == {"deliveries": []}


def test_decisions_are_as_told(delivered: Node, asked: Asked, will: Client) -> None:
    again = asked.ask(will, "POST /deliveries", 200, MANIFEST)
    assert again.json()["entry"]["state"] == "unchanged"
    asked.ask(will, "POST /deliveries", 400, {"table": "charges"})
    empty = MANIFEST | {
        "id": "1" * 64,
        "generation": "2024-10-03T05:00:00Z",
        "rows": {"read": 0, "published": 0, "quarantined": 0},
        "sums": {},
    }
    opened = asked.ask(will, "POST /deliveries", 201, empty).json()["entry"]
    at = {"commit": opened["commit"]}
    asked.ask(will, "POST /deliveries/{commit}/accept", 409, **at)
    held = asked.ask(will, "POST /deliveries/{commit}/commit", 200, **at).json()
    rejected = asked.ask(will, "POST /deliveries/{commit}/reject", 200, **at).json()
    accepted = asked.ask(will, "POST /deliveries/{commit}/accept", 200, **at).json()
    assert [entry["state"] for entry in (held, rejected, accepted)] == [
        "held",
        "rejected",
        "committed",
    ]
    asked.ask(will, "POST /deliveries/{commit}/reject", 409, **at)
    aborted = asked.ask(will, "POST /deliveries", 201, empty | {"id": "2" * 64}).json()["entry"]
    at = {"commit": aborted["commit"]}
    asked.ask(will, "DELETE /deliveries/{commit}", 204, **at)
    asked.ask(will, "POST /deliveries/{commit}/commit", 409, **at)
    asked.ask(will, "DELETE /deliveries/{commit}", 409, commit=delivered["commit"])
    named = MANIFEST | {"id": "3" * 64, "table": "charges__states"}
    asked.ask(will, "POST /deliveries", 409, named)


def test_statements_are_as_told(run: Callable[..., Running], asked: Asked) -> None:
    running = run()
    will = running.user("will", "writer")
    fresh = Asked()
    opened = fresh.ask(will, "POST /deliveries", 201, MANIFEST).json()["entry"]
    at = {"commit": opened["commit"]}
    part = part_body(CHARGES)
    fresh.ask(will, "POST /deliveries/{commit}/parts", 204, part, query="?seq=0", **at)
    rows = example("POST /deliveries/{commit}/quarantine", "one")
    fresh.ask(will, "POST /deliveries/{commit}/quarantine", 204, rows, **at)
    fresh.ask(will, "POST /deliveries/{commit}/commit", 200, **at)
    for label in ("query", "asOf", "table", "bulk"):
        body = example("POST /_sql", label)
        answer = asked.ask(will, "POST /_sql", 200, body, query="?types").json()
        shown = DESCRIBED["POST /_sql"].told["responses"]["200"]["content"]["application/json"]
        if label in shown["examples"]:
            expected = shown["examples"][label]["value"]
            for name in expected.keys() - {"duration"}:
                assert answer[name] == expected[name]
    for status, label in (("400", "syntax"), ("404", "table"), ("409", "name")):
        statement = {
            "syntax": "selec",
            "table": "SELECT * FROM nosuch",
            "name": "CREATE TABLE teams (a INTEGER)",
        }[label]
        body = {"stmt": statement}
        assert asked.ask(will, "POST /_sql", int(status), body).json() == told(
            "POST /_sql", status, label
        )
    rita = running.user("rita", "reader")
    missing = asked.ask(rita, "POST /_sql", 401, {"stmt": "CREATE TABLE a (b INTEGER)"})
    examples = DESCRIBED["POST /_sql"].told["responses"]["401"]["content"]["application/json"]
    assert missing.json() == examples["examples"]["missing"]["value"]
    asked.ask(rita, "POST /_sql", 413, " " * (17 << 20))


STORAGE = a_charge(ResourceId="disk-1", BilledCost="2.03", InvoiceId="INV-7")
COMPUTE = a_charge(ServiceName="Compute", ResourceId="vm-1", InvoiceId="INV-7")
"""The charges of which the examples of answers tell, before one is corrected."""


@pytest.fixture
def answering(run: Callable[..., Running]) -> Running:
    """A handler with the two deliveries of which the examples of answers tell."""
    running = run()
    running.admin.deliver(a_report([COMPUTE, STORAGE]))
    late = STORAGE | {"ResourceId": "disk-2", "BilledCost": "0.5"}
    changed = [COMPUTE | {"BilledCost": "1.75"}, STORAGE, late]
    running.admin.deliver(a_report(changed).generated(hours=1))
    return running


def ask_in_each_form(
    asked: Asked, client: Client, which: str, query: str, label: str, body: Any = None
) -> None:
    """Hold the JSON, and the CSV where the example is of the same query, against the examples."""
    operation = DESCRIBED[which]
    shown = operation.told["responses"]["200"]["content"]
    expected = shown["application/json"]["examples"][label]["value"]
    answer = asked.ask(client, which, 200, body, query=query)
    assert without_times(answer.json()) == without_times(expected)
    for media in ("text/csv", ARROW):
        headers = {"Accept": media}
        sheet = client.request(
            operation.method.upper(), operation.path + query, data=body, headers=headers
        )
        assert_as_told(DOCUMENT, operation, sheet)
        if media == "text/csv" and label != "converted":
            assert sheet.text == shown[media]["examples"]["sheet"]["value"]


def test_answers_across_time_are_as_told(asked: Asked, answering: Running) -> None:
    will, rita = answering.user("will", "writer"), answering.user("rita", "reader")
    by_month = "?by=ServiceName,month&from=2024-09&to=2024-10&as_of=2&currency=USD"
    ask_in_each_form(asked, rita, "GET /costs", by_month, "byService")
    ask_in_each_form(asked, rita, "GET /changes", "?from=1&to=2&by=ServiceName", "byService")
    ask_in_each_form(asked, rita, "GET /invoices", "?as_of=2", "one")
    listed = example("POST /invoices", "one")
    ask_in_each_form(asked, rita, "POST /invoices", "", "one", listed)
    rates = example("POST /rates", "september")
    assert asked.ask(will, "POST /rates", 200, rates).json() == told(
        "POST /rates", "200", "september"
    )
    ask_in_each_form(asked, rita, "GET /costs", "?in=EUR", "converted")
    known = asked.ask(rita, "GET /rates", 200).json()
    assert without_times(known) == without_times(told("GET /rates", "200", "frozen"))
    asked.ask(will, "POST /rates", 409, rates.replace("0.9", "0.8"))
    asked.ask(will, "POST /rates", 400, "month,from,to,rate\n")
    for form in ("csv", "parquet"):
        asked.ask(rita, "GET /export", 200, query=f"?as_of=1&format={form}")
    asked.ask(rita, "GET /export", 400, query="?format=xlsx")
    asked.ask(rita, "POST /invoices", 400, "InvoiceId\n")


@pytest.mark.parametrize("which", ["/costs", "/changes", "/invoices", "/export"])
def test_questions_that_cannot_be_answered_are_as_told(
    asked: Asked, answering: Running, which: str
) -> None:
    admin, which = answering.admin, f"GET {which}"
    moment = "from" if which == "GET /changes" else "as_of"
    asked.ask(admin, which, 400, query=f"?{moment}=1&goup_by=x")
    asked.ask(admin, which, 404, query=f"?{moment}=99")
    asked.ask(admin, which, 404, query=f"?{moment}=1&table=nosuch")
    if which != "GET /export":
        path = DESCRIBED[which].path + f"?{moment}=1"
        answer = admin.get(path, headers={"Accept": "text/html"})
        assert answer.status_code == 406
        assert_as_told(DOCUMENT, DESCRIBED[which], answer)


@pytest.mark.parametrize("name", ["by", "from", "to", "filter", "as_of", "currency", "in"])
def test_examples_of_parameters_are_understood(asked: Asked, answering: Running, name: str) -> None:
    answering.admin.post("/rates", example("POST /rates", "september"))
    (value,) = (
        each["example"]
        for each in DESCRIBED["GET /costs"].told["parameters"]
        if each["name"] == name
    )
    told = asked.ask(answering.admin, "GET /costs", 200, query=f"?{urlencode({name: value})}")
    assert told.json()["rows"]


def test_erasures_are_as_told(run: Callable[..., Running], asked: Asked) -> None:
    admin = run().admin
    opened = asked.ask(admin, "POST /deliveries", 201, MANIFEST).json()["entry"]
    at = {"commit": opened["commit"]}
    part = part_body(CHARGES)
    asked.ask(admin, "POST /deliveries/{commit}/parts", 204, part, query="?seq=0", **at)
    rows = example("POST /deliveries/{commit}/quarantine", "one")
    asked.ask(admin, "POST /deliveries/{commit}/quarantine", 204, rows, **at)
    asked.ask(admin, "POST /deliveries/{commit}/commit", 200, **at)
    wanted = example("POST /erasures", "one")
    erased = without_times(asked.ask(admin, "POST /erasures", 200, wanted).json())
    shown = without_times(told("POST /erasures", "200", "one"))
    for entry in (erased["entry"], shown["entry"]):  # which have an id and a time of their own
        del entry["id"], entry["generation"]
    assert erased == shown
    asked.ask(admin, "POST /erasures", 200, wanted, query="?dryRun=true")
    asked.ask(admin, "POST /erasures", 400, wanted | {"where": ""})
    asked.ask(admin, "POST /erasures", 404, wanted | {"table": "nosuch"})


def test_uploads_are_as_told(asked: Asked, will: Client) -> None:
    for label in ("records", "nothing"):
        records = example("POST /upload", label)
        answer = asked.ask(will, "POST /upload", 200, records, query="?table=uploaded").json()
        assert answer.keys() == told("POST /upload", "200", label).keys()
    asked.ask(will, "POST /upload", 400, [])
    asked.ask(will, "POST /upload", 400, [], query="?table=charges__versions")
    asked.ask(will, "POST /upload", 400, {"labels": {}}, query="?table=uploaded")
    asked.ask(will, "POST /upload", 413, " " * (17 << 20), query="?table=uploaded")


def test_taking_tables_over_is_as_told(asked: Asked, will: Client) -> None:
    refused = asked.ask(will, "POST /tables/{table}/adopt", 409, table="charges").json()
    shown = told("POST /tables/{table}/adopt", "409", "cannot-adopt")
    assert refused | {"instance": "/"} == shown


def test_users_are_as_told(asked: Asked, lasting: Running) -> None:
    admin = lasting.admin
    made = asked.ask(admin, "POST /users", 201, example("POST /users", "tess")).json()
    assert made == told("POST /users", "201", "tess")
    assert made in asked.ask(admin, "GET /users", 200).json()["users"]
    asked.ask(admin, "POST /users", 400, {"name": "tess"})
    asked.ask(admin, "DELETE /users/{name}", 204, name="tess")
    head = asked.ask(admin, "GET /audit", 200).json()["head"]
    asked.ask(admin, "GET /audit", 400, query="?since=x")
    found = asked.ask(admin, "GET /audit/verify", 200, query=f"?head={head}").json()
    assert found["broken"] is None
    asked.ask(admin, "GET /audit/verify", 400, query="?head=x")
    asked.ask(admin, "DELETE /users/{name}", 404, name="tess")
    asked.ask(admin, "DELETE /users/{name}", 400, name="costwire")


def test_service_is_as_told(asked: Asked, lasting: Running) -> None:
    nobody = lasting.nobody
    for name, operation in DESCRIBED.items():
        if operation.told.get("security") == []:
            asked.ask(nobody, name, 200)
    assert asked.ask(nobody, "GET /openapi.json", 200).json() == DOCUMENT
    assert asked.ask(nobody, "GET /", 200).json() == told("GET /", "200", "costwire")


NOTHING = {"commit": NEVER, "name": "nobody", "table": "nosuch"}
"""What stands in a path, and is not there."""


@pytest.mark.parametrize("operation", GUARDED, ids=str)
def test_sign_in_and_roles_are_as_told(
    operation: Operation, asked: Asked, lasting: Running, will: Client, rita: Client
) -> None:
    asked.ask(lasting.nobody, str(operation), 401, **NOTHING)
    if operation.path == "/_sql":
        return
    too_small = {"reader": [], "writer": [rita], "admin": [rita, will]}[operation.told["x-role"]]
    for client in too_small:
        asked.ask(client, str(operation), 403, **NOTHING)
    enough = {"reader": rita, "writer": will, "admin": lasting.admin}[operation.told["x-role"]]
    path = operation.path.format(**NOTHING)
    answer = enough.request(operation.method.upper(), path)
    assert answer.status_code not in (401, 403)
    assert_as_told(DOCUMENT, operation, answer)


@pytest.mark.parametrize(
    "operation",
    [each for each in GUARDED if each.path.startswith("/deliveries/{commit}")],
    ids=str,
)
def test_delivery_that_is_not_there_is_as_told(
    operation: Operation, asked: Asked, will: Client
) -> None:
    body: Any = "" if "requestBody" in operation.told else None
    takes_parts = "requestBody" in operation.told and _media(operation) == ARROW
    body = part_body(CHARGES) if takes_parts else body
    query = "?seq=0" if takes_parts else ""
    told = asked.ask(will, str(operation), 404, body, query=query, commit=NEVER)
    assert told.json()["type"].endswith(":unknown-delivery")


def test_too_many_open_is_as_told(run: Callable[..., Running], asked: Asked) -> None:
    admin = run(open_deliveries=1).admin
    asked.ask(admin, "POST /deliveries", 201, MANIFEST)
    later = asked.ask(admin, "POST /deliveries", 503, MANIFEST | {"id": "4" * 64})
    assert int(later.headers["Retry-After"]) > 0


def test_every_success_was_asked_for(asked: Asked, request: pytest.FixtureRequest) -> None:
    """Of each operation but adoption, which takes a CrateDB, all good answers were seen."""
    run = {getattr(item, "originalname", "") for item in request.session.items}
    if not {name for name in globals() if name.startswith("test_")} <= run:
        pytest.skip("the other tests of this file were not run")
    for name, operation in DESCRIBED.items():
        good = {int(status) for status in operation.told["responses"] if status < "300"}
        if name != "POST /tables/{table}/adopt":
            assert good <= asked.statuses[name], name
