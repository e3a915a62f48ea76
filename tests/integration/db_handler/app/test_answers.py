"""Costs, changes and rates over HTTP: forms, pages, rights, problems."""

from __future__ import annotations

import csv
import io
from typing import Any

import pyarrow as pa
import pytest
from tests.factories import OCTOBER, a_charge, a_report, charges

RATES = "month,from,to,rate,source\n2024-09,USD,EUR,0.9,our bank\n"


@pytest.fixture
def admin(running: Any) -> Any:
    """The administrator of a new handler."""
    return running.admin


def with_charges(admin: Any) -> Any:
    """This client, whose handler has three charges now, one of which was corrected."""
    admin.deliver(a_report(charges(3)))
    changed = [*charges(2), a_charge(ResourceId="disk-3", BilledCost="3.50")]
    admin.deliver(a_report(changed).generated(hours=1))
    return admin


@pytest.fixture
def delivered(admin: Any) -> Any:
    """A client whose handler has such charges, and is the test's own."""
    return with_charges(admin)


@pytest.fixture(scope="module")
def asked(lasting: Any) -> Any:
    """A client whose handler has such charges, and is only asked: other tests ask it, too."""
    return with_charges(lasting.admin)


def test_costs_are_told_as_json(asked: Any) -> None:
    answer = asked.get("/costs?by=ServiceName,month&metric=BilledCost,EffectiveCost&as_of=1")

    assert answer.status_code == 200
    told = answer.json()
    assert told["rows"] == [
        {
            "by": {"ServiceName": "Storage", "month": "2024-09"},
            "currency": "USD",
            "charges": 3,
            "sums": {"BilledCost": "6.75", "EffectiveCost": "3.75"},
        }
    ]
    assert told["asOf"]["commit"] == 1
    assert told["totals"]["USD"]["sums"]["BilledCost"] == "6.75"
    assert told["next"] is None


@pytest.mark.parametrize(
    ("accept", "form"),
    [
        ("text/csv", "text/csv; charset=utf-8"),
        ("text/html, text/csv;q=0.9, application/json;q=0.5", "text/csv; charset=utf-8"),
        ("application/vnd.apache.arrow.stream", "application/vnd.apache.arrow.stream"),
        ("*/*", "application/json"),
        ("application/*", "application/json"),
        (None, "application/json"),
    ],
)
def test_answer_has_the_form_that_is_accepted(asked: Any, accept: str, form: str) -> None:
    answer = asked.get("/costs", headers={"Accept": accept})

    assert answer.headers["Content-Type"] == form
    assert answer.headers["Vary"] == "Accept"


def test_unknown_form_is_a_problem(asked: Any) -> None:
    answer = asked.get("/costs", headers={"Accept": "text/html"})

    assert answer.status_code == 406
    assert "text/csv" in answer.json()["detail"]


def test_all_forms_tell_the_same(asked: Any) -> None:
    path = "/changes?from=1&by=ResourceId"
    document = asked.get(path).json()
    rows = list(csv.DictReader(io.StringIO(asked.get(path, headers={"Accept": "text/csv"}).text)))
    arrow = pa.ipc.open_stream(
        asked.get(path, headers={"Accept": "application/vnd.apache.arrow.stream"}).content
    ).read_all()

    assert document["rows"] == [
        {
            "by": {"ResourceId": "disk-3"},
            "currency": "USD",
            "BilledCost": {"before": "3.25", "after": "3.5", "difference": "0.25"},
            "changes": {
                "corrected": {
                    "added": 1,
                    "removed": 1,
                    "difference": {"BilledCost": "0.25"},
                    "columns": {"BilledCost": 1},
                }
            },
        }
    ]
    (row,) = rows
    assert row == {
        "ResourceId": "disk-3",
        "currency": "USD",
        "change": "corrected",
        "added": "1",
        "removed": "1",
        "BilledCost difference": "0.25",
        "columns": '{"BilledCost": 1}',
    }
    assert arrow.to_pylist() == [row | {"added": 1, "removed": 1}]
    assert (document["from"]["commit"], document["to"]["commit"]) == (1, 2)


def test_pages_stay_with_the_state_of_the_first(delivered: Any) -> None:
    first = delivered.get("/costs?by=ResourceId&limit=2")
    following = first.json()["next"]
    assert first.headers["Link"] == f'<{following}>; rel="next"'
    delivered.deliver(a_report([*charges(2), *charges(9, ServiceName="x")]).generated(hours=2))

    second = delivered.get(following).json()

    assert second["asOf"]["commit"] == 2
    assert [row["by"]["ResourceId"] for row in second["rows"]] == ["disk-1"]
    assert second["next"] is None


def test_rates_freeze_by_their_first_use(delivered: Any) -> None:
    assert delivered.get("/costs?in=EUR").status_code == 400
    assert delivered.post("/rates", RATES).json() == {"rates": 1, "changed": 1}
    assert delivered.post("/rates", RATES.replace("0.9", "0.8")).json()["changed"] == 1

    told = delivered.get("/costs?in=EUR&by=month").json()

    assert told["rows"][0]["converted"] == {"BilledCost": "5.6"}
    assert told["in"]["total"] == {"BilledCost": "5.6"}
    (rate,) = told["in"]["rates"]
    assert (rate["rate"], rate["source"]) == ("0.8", "our bank")
    assert rate["frozen"] == delivered.get("/rates").json()["rates"][0]["frozen"]
    refused = delivered.post("/rates", RATES)
    assert (refused.status_code, refused.json()["type"]) == (
        409,
        "urn:costwire:problem:rate-frozen",
    )
    sheet = delivered.get("/costs?in=EUR", headers={"Accept": "text/csv"}).text.splitlines()
    assert sheet == ["currency,charges,BilledCost,BilledCost in EUR", "USD,3,7,5.6"]


@pytest.mark.parametrize(
    ("body", "line", "said"),
    [
        ("month,from,to,rate\n", 1, "the header lacks source"),
        ("month,from,to,rate,source\n2024-13,USD,EUR,1,x\n", 2, "'2024-13' is no month"),
        ("month,from,to,rate,source\n2024-09,USD,EUR,-1,x\n", 2, "no rate"),
        ("month,from,to,rate,source\n2024-09,USD,EUR,1,\n", 2, "whose rate"),
        ("month,from,to,rate,source\n2024-09,US D,EUR,1,x\n", 2, "no currency"),
        (RATES + "2024-09,USD,EUR,0.7,x\n", 3, "says otherwise"),
        ("month,from,to,rate,source\n2024-09,USD,EUR,1e5000,x\n", 2, "no rate"),
        ("month,from,to,rate,source\n2024-09,USD,EUR,1e9999999999999999999,x\n", 2, "no rate"),
    ],
)
def test_rates_that_cannot_be_read_name_the_line(
    asked: Any, body: str, line: int, said: str
) -> None:
    answer = asked.post("/rates", body)

    assert (answer.status_code, answer.json()["line"]) == (400, line)
    assert said in answer.json()["detail"]
    assert asked.get("/rates").json() == {"rates": []}


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("/costs?goup_by=x", "there is no parameter 'goup_by'"),
        ("/costs?by=a&by=b", "given twice"),
        ("/costs?metric=Cost", "it is one of BilledCost"),
        ("/costs?limit=0", "between 1 and 100,000"),
        ("/costs?offset=-1", "no whole number"),
        ("/costs?table=no-table", "no name of a table"),
        ("/costs?currency=dollars!", "no currency"),
        ("/costs?in=EUR,USD", "name one currency"),
        ("/costs?by=a,b,c,d,e,f,g,h,i", "at most 8"),
        ("/costs?filter=ServiceName%20=", "line 1, column"),
        ("/costs?by=[", "not closed"),
        ("/costs?by=Tags.O'", "not closed"),
        ("/costs?as_of=0001-01-01T00:00:00%2B14:00", "not in the years"),
        ("/costs?filter=ChargePeriodStart>'9999-12-31T23:59:59-14:00'", "years 1 to 9999"),
        ("/costs?filter=" + "a.a" * 2500, "nested too deeply"),
        ("/costs?filter=a" + "::int" * 1500, "nested too deeply"),
        ("/changes", "say since when"),
        ("/changes?from=1&in=EUR", "there is no parameter 'in'"),
    ],
)
def test_question_that_cannot_be_read_says_why(asked: Any, path: str, said: str) -> None:
    answer = asked.get(path)

    assert answer.status_code == 400, answer.text
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert said in answer.json()["detail"]


def test_reader_may_ask_but_brings_no_rates(delivered: Any, running: Any) -> None:
    reader = running.user("rita", "reader")

    assert reader.get("/costs").status_code == 200
    assert reader.get("/changes?from=1").status_code == 200
    assert reader.get("/rates").status_code == 200
    assert reader.post("/rates", RATES).status_code == 403


def test_charges_of_another_month_take_its_rate(admin: Any) -> None:
    rows = [a_charge(BilledCost="10"), a_charge(BilledCost="10") | OCTOBER]
    admin.deliver(a_report(rows))
    admin.post("/rates", RATES + "2024-10,USD,EUR,0.000000000000000001,x\n")

    told = admin.get("/costs?in=EUR").json()

    assert told["rows"][0]["converted"] == {"BilledCost": "9.00000000000000001"}


def test_report_may_call_its_columns_as_it_likes(admin: Any) -> None:
    rows = [a_charge(id="1", rowid="2", _id="3", came="4"), a_charge(id="5", ResourceId="b")]
    first = admin.deliver(a_report(rows))
    changed = [rows[0], a_charge(id="6", ResourceId="b", BilledCost="3")]
    admin.deliver(a_report(changed).generated(hours=1))
    if admin.get("/deliveries/2").json()["state"] == "held":
        admin.post("/deliveries/2/accept")

    assert admin.get("/costs?by=id").json()["totals"]["USD"]["charges"] == 2
    assert admin.get(f"/changes?from={first['commit']}&by=rowid").status_code == 200
    assert admin.get("/export").text.splitlines()[0].count("id") >= 3


def test_sums_beyond_twenty_digits_are_exact(admin: Any) -> None:
    large = "99999999999999999999"
    rows = [a_charge(ResourceId=str(n), BilledCost=large) for n in range(3)]
    admin.deliver(a_report(rows))
    changed = [*rows[:2], a_charge(ResourceId="2", BilledCost=f"{large}.5")]
    admin.deliver(a_report(changed).generated(hours=1))

    told = admin.get("/costs").json()

    assert told["rows"][0]["sums"] == {"BilledCost": "299999999999999999997.5"}
    assert admin.get("/changes?from=1").json()["totals"]["USD"]["BilledCost"] == {
        "before": "299999999999999999997",
        "after": "299999999999999999997.5",
        "difference": "0.5",
    }


def test_two_spellings_of_a_dimension_are_one(asked: Any) -> None:
    told = asked.get("/costs?by=ServiceName,servicename").json()

    assert told["by"] == ["ServiceName"]


def test_empty_text_and_null_are_apart_in_csv(admin: Any) -> None:
    rows = [a_charge(Tags='{"env":""}'), a_charge(Tags="{}", ResourceId="b")]
    admin.deliver(a_report(rows))

    lines = admin.get("/costs?by=Tags.env", headers={"Accept": "text/csv"}).text.splitlines()

    assert sorted(lines[1:]) == ['"",USD,1,1.5', ",USD,1,1.5"]
