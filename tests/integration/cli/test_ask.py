"""The questions of the catalogue on the command line."""

from __future__ import annotations

import csv
import io
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from costwire_cli.handler_api import Connection, open_api
from costwire_focus.questions import QUESTIONS

WRONG_USE = 2


@pytest.fixture(scope="module")
def store(costwire: Any, handler: Connection, data: Path, tmp_path_factory: Any) -> Path:
    """A folder with a month of a vendor's charges in the table `bills`."""
    report = tmp_path_factory.mktemp("report") / "bill.csv"
    header = (
        "BilledCost,EffectiveCost,ListCost,ContractedCost,BillingCurrency,BillingPeriodStart,"
        "BillingPeriodEnd,ChargePeriodStart,ChargePeriodEnd,ProviderName,ChargeCategory,Tags"
    )
    period = "2024-09-01T07:00:00Z,2024-10-01T07:00:00Z,2024-09-02T00:00:00Z,2024-09-03T00:00:00Z"
    lines = [
        f'0.10,0.1,1,1,USD,{period},Northwind,Usage,"{{""team"":""web""}}"',
        f"0.20,0.2,1,1,USD,{period},Northwind,Usage,{{}}",
        f'2.5,2.50,3,3,EUR,{period},Contoso,Usage,"{{""team"":""web""}}"',
    ]
    report.write_text("\n".join([header, *lines, ""]))
    run = costwire("run", str(report), "--once", "--table", "bills", "--data", str(data))
    assert run.returncode in (0, 3), run.stderr
    return data


def ask(costwire: Any, store: Path, name: str, *options: str, table: str = "bills") -> Any:
    return costwire("ask", "run", name, "--table", table, "--data", str(store), *options)


def test_an_answer_is_a_table_with_its_question_and_values(costwire: Any, store: Path) -> None:
    told = ask(costwire, store, "tag-coverage-by-provider")
    assert told.returncode == 0, told.stderr
    lines = [line.split() for line in told.stdout.splitlines()]
    assert told.stdout.startswith("What part of the cost has a tag?\ntag=team  month=2024-09\n")
    assert lines[3] == [
        *("providername", "billingcurrency"),
        *("tagged_cost", "effective_cost", "tagged_percent"),
    ]
    assert lines[5:] == [
        ["Contoso", "EUR", "2.5", "2.5", "100"],
        ["Northwind", "USD", "0.1", "0.3", "33.3333"],
    ]


def test_an_answer_is_csv_and_nothing_beside_it(costwire: Any, store: Path) -> None:
    told = ask(costwire, store, "cost-by-provider-and-month", "--format", "csv")
    rows = list(csv.DictReader(io.StringIO(told.stdout)))
    assert [(row["providername"], row["billed_cost"]) for row in rows] == [
        ("Contoso", "2.5"),
        ("Northwind", "0.3"),
    ]
    assert {row["billingperiodstart"] for row in rows} == {"2024-09-01T07:00:00Z"}


def test_an_answer_in_json_tells_what_was_asked(costwire: Any, store: Path) -> None:
    options = ("--param", "to=2024-10", "--param", "from=2024-09", "--format", "json")
    told = json.loads(ask(costwire, store, "cost-by-provider-and-month", *options).stdout)
    assert told["question"] == "cost-by-provider-and-month"
    assert told["parameters"] == {"to": "2024-10", "from": "2024-09"}
    assert [row[-1] for row in told["rows"]] == ["2.5", "0.3"]
    none = ("--param", "to=2024-08", "--format", "json")
    assert (
        json.loads(ask(costwire, store, "cost-by-provider-and-month", *none).stdout)["rows"] == []
    )


@pytest.mark.parametrize(
    ("name", "options", "said"),
    [
        ("cost-by-provder-and-month", (), "did you mean cost-by-provider-and-month"),
        ("cost-by-provider-and-month", ("--param", "form=2024-09"), "did you mean from?"),
        ("cost-by-provider-and-month", ("--param", "to=9/24"), "'9/24' is not a month such as"),
    ],
)
def test_wrong_use_says_what_is_right(
    costwire: Any, store: Path, name: str, options: tuple[str, ...], said: str
) -> None:
    told = ask(costwire, store, name, *options)
    assert (told.returncode, told.stdout) == (WRONG_USE, "")
    assert said in told.stderr
    assert "costwire ask" in told.stderr


def test_a_table_that_is_not_there_brings_those_that_are(costwire: Any, store: Path) -> None:
    told = ask(costwire, store, "cost-by-provider-and-month", table="bill")
    assert told.returncode == 1
    assert "there is no table 'bill'; did you mean bills?" in told.stderr


def test_a_column_that_the_table_lacks_is_named(costwire: Any, store: Path) -> None:
    told = ask(costwire, store, "split-cost-by-receiver")
    assert told.returncode == 1
    assert "bills has no AllocatedMethodId and no AllocatedResourceId" in told.stderr
    assert "FOCUS 1.3, 1.4" in told.stderr


def test_the_list_has_every_question(costwire: Any) -> None:
    table = costwire("ask", "list").stdout
    told = json.loads(costwire("ask", "list", "--format", "json").stdout)["questions"]
    assert [one["name"] for one in told] == list(QUESTIONS)
    assert all(f"{one['name']}  " in table and one["question"] in table for one in told)


def test_one_question_is_shown_with_its_sql(costwire: Any) -> None:
    question = QUESTIONS["commitment-utilization"]
    text = costwire("ask", "show", question.name).stdout
    assert text.startswith(question.question)
    assert text.endswith(question.sql + "\n")
    assert "used_percent = used_cost / effective_cost in percent" in text
    told = json.loads(costwire("ask", "show", question.name, "--format", "json").stdout)
    assert told["sql"] == question.sql
    assert {"name": "to", "type": "month", "default": "newest"} in told["parameters"]


def test_statements_of_the_api_take_arguments(handler: Connection, store: Path) -> None:
    assert store
    with open_api(handler) as api:
        statement = "SELECT count(*), sum(BilledCost) FROM bills WHERE BillingCurrency = ?"
        assert api.sql(statement, ["USD"]).rows == [[2, Decimal("0.3")]]
