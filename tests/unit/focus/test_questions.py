"""The catalogue of questions: what each must have, and how one becomes a statement."""

from __future__ import annotations

import re
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import sqlglot
from sqlglot import exp

import costwire_focus.questions
from costwire_focus.columns import COLUMNS
from costwire_focus.errors import WrongQuestion
from costwire_focus.questions import QUESTIONS, Kind, Parameter, Question, Ratio, fill, find
from costwire_focus.questions.question import read

FEWEST = 42
_COSTS = {"BilledCost", "EffectiveCost", "ListCost", "ContractedCost"}
_VALUES = {
    Kind.MONTH: "2024-09",
    Kind.TEXT: "some",
    Kind.TAG: "team",
    Kind.NUMBER: "3",
    Kind.AMOUNT: "1.5",
}

each = pytest.mark.parametrize("question", QUESTIONS.values(), ids=list(QUESTIONS))


def statement(question: Question, **values: str) -> Any:
    told = {one.name: _VALUES[one.kind] for one in question.parameters} | values
    return question.statement(told)


def tree(question: Question) -> exp.Expression:
    (parsed,) = sqlglot.parse(statement(question).sql, dialect="postgres")
    assert parsed is not None
    return parsed


def test_the_catalogue_is_large_enough_and_every_file_is_in_it() -> None:
    files = Path(costwire_focus.questions.__file__).parent.glob("*.sql")
    assert sorted(QUESTIONS) == sorted(path.stem for path in files)
    assert len(QUESTIONS) >= FEWEST
    assert len({one.question for one in QUESTIONS.values()}) == len(QUESTIONS)


@each
def test_it_has_a_name_a_question_and_defaults(question: Question) -> None:
    assert re.fullmatch(r"[a-z]+(-[a-z]+)+", question.name)
    assert "?" in question.question
    assert question.question[0].isupper()
    assert question.versions
    for one in question.parameters:
        if one.default_query() is None and one.kind is not Kind.MONTH:
            assert one.check(one.default) == one.default


@each
def test_it_is_one_select_of_focus_columns(question: Question) -> None:
    assert isinstance(tree(question), exp.Select)
    assert ";" not in question.sql
    assert {table.name for table in tree(question).find_all(exp.Table)} == {"charges"}
    named = {name for name in re.findall(r"\b[A-Z][a-z]\w*", re.sub("'[^']*'", "", question.sql))}
    assert named <= COLUMNS.keys()
    assert set(question.columns) >= named


@each
def test_every_parameter_is_used_and_declared(question: Question) -> None:
    told = statement(question)
    assert told.sql.count("?") == len(told.arguments)
    for one in question.parameters:
        used = re.search(rf"(?<!:):{one.name}\b", question.sql)
        later = any(f":{one.name}" in (p.default_query() or "") for p in question.parameters)
        based = any(p.default.startswith(f"{one.name}-") for p in question.parameters)
        assert used or later or based, one.name


@each
def test_amounts_of_two_currencies_are_never_added(question: Question) -> None:
    for select in tree(question).find_all(exp.Select):
        added = {c.name for s in select.find_all(exp.Sum) for c in s.find_all(exp.Column)}
        if select.args.get("group") and added & _COSTS:
            assert "BillingCurrency" in _keys(select)
        if select.args.get("group") and "PricingCurrencyEffectiveCost" in added:
            assert "PricingCurrency" in _keys(select)


@each
def test_the_order_is_total_and_places_nulls(question: Question) -> None:
    terms = list(tree(question).find_all(exp.Ordered))
    assert all(re.search(r"(ASC|DESC) NULLS LAST$", line) for line in _order_lines(question.sql))
    assert len(terms) == len(_order_lines(question.sql))
    ordered = {column.name for term in terms for column in term.find_all(exp.Column)}
    windows = {
        c.name
        for window in tree(question).find_all(exp.Window)
        for part in window.args.get("partition_by") or []
        for c in part.find_all(exp.Column)
    }
    grouped = next(s for s in tree(question).find_all(exp.Select) if s.args.get("group"))
    assert set(_keys(grouped)) <= ordered | windows


@each
def test_no_quotient_is_left_to_an_engine_and_no_month_to_a_calendar(question: Question) -> None:
    assert not list(tree(question).find_all(exp.Div))
    assert "date_trunc('month'" not in question.sql
    shown = {one.alias_or_name for one in tree(question).selects}
    for ratio in question.ratios:
        assert {ratio.numerator, ratio.denominator} <= shown
        assert ratio.name not in shown


def _keys(select: exp.Select) -> list[str]:
    """The names of what a SELECT groups by, which it tells by number."""
    numbers = [int(key.name) for key in select.args["group"].expressions]
    assert numbers == list(range(1, len(numbers) + 1))
    return [one.alias_or_name for one in select.selects[: len(numbers)]]


def _order_lines(sql: str) -> list[str]:
    return [line.strip(" ,") for line in sql.splitlines() if re.search(r" (ASC|DESC)\b", line)]


A_QUESTION = """\
-- What is
-- asked?
-- parameter tag: tag = team
-- parameter value: text = commonest Tags[:tag] where BilledCost > 0
-- parameter month: month = newest
-- parameter from: month = month-13
-- parameter most: number = 5
-- percent part = some / all_of_it
SELECT ProviderName, HostProviderName, BilledCost::text AS some, 1 AS all_of_it FROM charges
WHERE Tags[:tag] = :value AND BillingPeriodStart >= :month.begin
    AND BillingPeriodStart < :month.end AND ListCost > :most
"""
QUESTION = read("a-question", A_QUESTION)
VALUES = {"tag": "it's", "value": "?", "month": "2024-12", "from": "2024-01", "most": "7"}


def test_a_file_is_read() -> None:
    assert QUESTION.question == "What is asked?"
    assert [one.name for one in QUESTION.parameters] == ["tag", "value", "month", "from", "most"]
    assert QUESTION.ratios == (Ratio("part", "some", "all_of_it", percent=True),)
    assert QUESTION.columns == (
        *("BilledCost", "BillingPeriodStart", "HostProviderName"),
        *("ListCost", "ProviderName", "Tags"),
    )
    assert QUESTION.versions == ("1.3", "1.4")


def test_values_are_bound_in_order_and_a_tag_is_a_quoted_literal() -> None:
    told = QUESTION.statement(VALUES, table="mine")
    assert "Tags['it''s'] = ?" in told.sql
    assert 'FROM "mine"' in told.sql
    assert "BilledCost::text" in told.sql
    assert told.arguments == ("?", "2024-11-30T10:00:00Z", "2024-12-31T10:00:00Z", 7)


def test_a_month_takes_in_the_billing_periods_of_every_time_zone() -> None:
    month = Parameter("month", Kind.MONTH, "newest")
    begin, end = (str(month.bound("2024-09", part)) for part in ("begin", "end"))
    assert begin <= "2024-08-31T15:00:00Z" < end  # Tokyo
    assert begin <= "2024-09-01T07:00:00Z" < end  # California
    assert begin > "2024-08-01T07:00:00Z"
    assert end <= "2024-09-30T15:00:00Z"
    assert month.bound("2024-01", "before") == "2023-11-30T10:00:00Z"


@pytest.mark.parametrize("table", ["", "Charges", 'a"b', "a b", "doc.charges", "a;b", "1a"])
def test_no_other_text_becomes_a_table(table: str) -> None:
    with pytest.raises(WrongQuestion, match="is no table name"):
        QUESTION.statement(VALUES, table=table)


def test_reports_without_a_provider_are_asked_for_the_service_provider() -> None:
    old = QUESTION.statement(VALUES, present=["providername", "serviceprovidername"]).sql
    new = QUESTION.statement(VALUES, present=["serviceprovidername", "hostprovidername"]).sql
    assert old.startswith("SELECT ProviderName, HostProviderName")
    assert new.startswith("SELECT ServiceProviderName, HostProviderName")


def test_what_a_table_lacks_is_told() -> None:
    present = ["SERVICEPROVIDERNAME", "billedcost", "billingperiodstart", "tags", "listcost"]
    assert QUESTION.lacking(present) == ["HostProviderName"]


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        *((Kind.MONTH, text) for text in ("2024-13", "2024-9", "", "2024-09-01", "٢٠٢٤-09")),
        *((Kind.NUMBER, text) for text in ("-1", "1.5", "", "x", "100001", "²")),
        *((Kind.AMOUNT, text) for text in ("1e5", "", "NaN", "1,5", "1." + "1" * 19, "+1")),
        *((Kind.TEXT, text) for text in ("", "x" * 8_193)),
        *((Kind.TAG, text) for text in ("", "a\nb", "a\x00")),
    ],
)
def test_a_value_that_cannot_be_read_is_refused(kind: Kind, value: str) -> None:
    with pytest.raises(WrongQuestion, match="--param p: "):
        Parameter("p", kind, "").check(value)


def test_defaults_come_from_the_table_and_from_one_another() -> None:
    asked: list[Any] = []

    def tell(statement: Any) -> object:
        asked.append(statement)
        return "web" if "commonest" in statement.sql else 1725174000000  # 2024-09-01T07:00Z

    values = fill(QUESTION, {"tag": "it's"}, tell, table="mine")
    assert values == {
        **{"tag": "it's", "value": "web", "month": "2024-09"},
        **{"from": "2023-08", "most": "5"},
    }
    assert "Tags['it''s'] AS commonest" in asked[0].sql
    assert "IS NOT NULL AND BilledCost > 0 GROUP BY" in asked[0].sql
    assert all('FROM "mine"' in statement.sql for statement in asked)


def test_a_table_without_a_default_asks_for_the_value() -> None:
    with pytest.raises(WrongQuestion, match="say --param value=") as refused:
        fill(QUESTION, {}, lambda _: None)
    assert "commonest" in str(refused.value)


def test_names_that_are_not_there_bring_those_that_are_like_them() -> None:
    with pytest.raises(WrongQuestion, match="did you mean month"):
        fill(QUESTION, {"moth": "2024-09"}, lambda _: None)
    with pytest.raises(WrongQuestion, match="commitment-unused"):
        find("commitment-unusd")
    assert find("commitment-unused").name == "commitment-unused"


def test_a_span_that_ends_before_it_begins_is_refused() -> None:
    given = {"from": "2024-10", "to": "2024-09"}
    with pytest.raises(WrongQuestion, match="from 2024-10 is later than to 2024-09"):
        fill(find("cost-by-provider-and-month"), given, lambda _: None)


@pytest.mark.parametrize(
    ("percent", "numerator", "denominator", "quotient"),
    [
        (True, 1, 3, "33.3333"),
        (True, Decimal("0.00000050"), 1, "0.0000"),
        (True, Decimal("0.00000150"), 1, "0.0002"),
        (True, Decimal("-12345678901234567890.5"), 100, "-12345678901234567890.5000"),
        (False, 2, 3, "0.666666666667"),
        (False, Decimal("0.0000000000000004"), 3, "1.33333333333E-16"),
        (True, 1, 0, None),
        (False, None, 2, None),
        (False, 2, None, None),
    ],
)
def test_quotients_are_decimal_to_their_digits(
    percent: bool, numerator: Any, denominator: Any, quotient: str | None
) -> None:
    told = Ratio("part", "n", "d", percent).of(numerator, denominator)
    assert (told if told is None else str(told)) == quotient


def test_a_double_is_no_side_of_a_quotient() -> None:
    with pytest.raises(WrongQuestion, match="no exact number"):
        Ratio("part", "n", "d", percent=True).of(0.5, 1)


def test_quotients_are_the_last_columns() -> None:
    columns, rows = QUESTION.completed(["x", "some", "all_of_it"], [["a", 1, 4], ["b", None, 4]])
    assert columns == ["x", "some", "all_of_it", "part"]
    assert rows == [["a", 1, 4, Decimal("25.0000")], ["b", None, 4, None]]
