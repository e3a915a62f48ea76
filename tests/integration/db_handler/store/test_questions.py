"""The questions of the catalogue on each engine, against what the reports add up to."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from tests.factories import a_report
from tests.integration.db_handler.store.conftest import ENGINES, OpenShop, Shop
from tests.support import question_truth as truth
from tests.support.cratedb_store import alone
from tests.support.question_estate import question_reports

from costwire_db_handler.sql.answers import SqlCall
from costwire_focus.columns import COLUMNS
from costwire_focus.estates import Estate, generate
from costwire_focus.questions import QUESTIONS, Statement, fill, find

NAMES = sorted(QUESTIONS)


class Asked:
    """Asks one store that holds the estate."""

    def __init__(self, shop: Shop) -> None:
        self.shop = shop
        for report in question_reports():
            shop.deliver(report)
        self.answer = cache(self._answer)

    def _answer(self, name: str, **given: str) -> tuple[list[str], list[list[Any]]]:
        question = find(name)
        values = fill(question, given, self._cell, present=COLUMNS)
        return self.again(name, values)

    def again(self, name: str, values: dict[str, str]) -> tuple[list[str], list[list[Any]]]:
        """The answer with values for all parameters."""
        question = find(name)
        told = self._told(question.statement(values, present=COLUMNS))
        return question.completed(told["cols"], told["rows"])

    def defaults(self, name: str) -> dict[str, str]:
        """What is asked for where nothing is given."""
        return fill(find(name), {}, self._cell, present=COLUMNS)

    def _cell(self, statement: Statement) -> object:
        rows = self._told(statement)["rows"]
        return rows[0][0] if rows else None

    def _told(self, statement: Statement) -> dict[str, Any]:
        body = json.dumps({"stmt": statement.sql, "args": statement.arguments}).encode()
        answer = self.shop.run_sql(SqlCall(body))
        told: dict[str, Any] = json.loads(b"".join(answer.pieces), parse_float=Decimal)
        assert answer.status == 200, (told, statement)
        return told


@pytest.fixture(scope="module")
def asked(open_shop: OpenShop, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Asked]:
    """Each engine."""
    shop = open_shop(tmp_path_factory.mktemp("questions") / "data")
    yield Asked(shop)
    shop.close()


@pytest.fixture(scope="module")
def embedded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Asked]:
    """The embedded store."""
    shop = ENGINES["duckdb"](tmp_path_factory.mktemp("embedded") / "data")
    yield Asked(shop)
    shop.close()


@pytest.fixture(scope="module")
def cratedb(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Asked]:
    """CrateDB, or a skip."""
    with alone():
        shop = ENGINES["cratedb"](Path(tmp_path_factory.mktemp("cratedb")) / "data")
        yield Asked(shop)
        shop.close()


@pytest.mark.parametrize("name", NAMES)
def test_every_question_is_answered_in_the_order_it_tells(asked: Asked, name: str) -> None:
    columns, rows = asked.answer(name)
    assert rows, asked.defaults(name)
    order = truth.order_told(find(name).sql)
    if "place" in order:
        return  # the places themselves are not shown; their recomputations hold the order
    keys = [truth.sort_key(dict(zip(columns, row, strict=True)), order) for row in rows]
    assert keys == sorted(keys)
    assert len(set(keys)) == len(keys), "rows that the order does not tell apart"


@pytest.mark.parametrize("name", sorted(truth.TRUTHS))
def test_the_answer_is_what_the_reports_add_up_to(asked: Asked, name: str) -> None:
    recomputed: Callable[[dict[str, str]], list[list[Any]]] = truth.TRUTHS[name]
    values = asked.defaults(name)
    _, rows = asked.answer(name)
    assert rows == recomputed(values)


def test_a_tag_key_of_any_letters_is_asked_for(asked: Asked) -> None:
    for key in ("cost.center", "kostenstelle/größe", "it's", "a\\b", "x' OR '1'='1", "[0]"):
        values = asked.defaults("billed-cost-by-tag-and-month") | {"tag": key}
        _, rows = asked.again("billed-cost-by-tag-and-month", values)
        assert rows == truth.TRUTHS["billed-cost-by-tag-and-month"](values), key


def test_a_table_of_focus_1_4_is_asked_by_its_own_column_names(asked: Asked) -> None:
    estate = Estate(seed=3, rows=400, clouds=("saas",), focus_version="1.4")
    rows = [row for report in generate(estate) for row in report.charges.to_pylist()]
    asked.shop.deliver(a_report(rows, source="new", table="of_1_4"))
    names = "SELECT column_name FROM information_schema.columns WHERE table_name = ?"
    present = [name for (name,) in asked.shop.ask(names, "of_1_4")]
    question = find("cost-by-provider-and-month")
    assert not question.lacking(present)
    values = {"from": "2024-09", "to": "2024-09"}
    statement = question.statement(values, table="of_1_4", present=present)
    (row,) = asked.shop.ask(statement.sql, *statement.arguments)
    assert row[2:5] == ("Northwind", "USD", sum(Decimal(row["BilledCost"]) for row in rows))
    assert find("billed-cost-by-source").lacking(present) == ["PublisherName"]


def test_values_are_bound_never_read_as_sql(asked: Asked) -> None:
    _, rows = asked.answer("resource-cost-by-sku", resource="' OR 1 = 1 --")
    assert rows == []


@pytest.mark.parametrize("name", NAMES)
def test_both_engines_answer_alike(embedded: Asked, cratedb: Asked, name: str) -> None:
    assert embedded.defaults(name) == cratedb.defaults(name)
    assert embedded.answer(name) == cratedb.answer(name)
