"""Conditions: what can be asked, in an engine's SQL with bound values, and what is refused."""

from __future__ import annotations

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from costwire_db_handler.answers.conditions import Condition
from costwire_db_handler.answers.speech import Fragment, TableColumn
from costwire_db_handler.errors import BadQuestion
from costwire_db_handler.stores.duckdb.speech import DuckDBSpeech
from costwire_focus.columns import ValueType

_COLUMNS = [
    TableColumn("ServiceName", ValueType.TEXT, '"ServiceName"'),
    TableColumn("x_Cost Center", ValueType.TEXT, '"x_Cost Center"'),
    TableColumn("BilledCost", ValueType.AMOUNT, '"BilledCost"', scale=2),
    TableColumn("ChargePeriodStart", ValueType.INSTANT, '"ChargePeriodStart"'),
    TableColumn("Tags", ValueType.TAGS, '"Tags"', json_sql='"TagsJson"'),
]


SPEECH = DuckDBSpeech("charges", _COLUMNS)


def _holds(condition: str) -> list[int]:
    """The numbers of the charges for which a condition holds."""
    told = Condition.read(condition).sql(SPEECH)
    with duckdb.connect() as sql:
        sql.execute(
            'CREATE TABLE t (n INTEGER, "ServiceName" VARCHAR, "x_Cost Center" VARCHAR, '
            '"BilledCost" DECIMAL(38,2), "ChargePeriodStart" TIMESTAMP, '
            '"Tags" MAP(VARCHAR, VARCHAR), "TagsJson" VARCHAR)'
        )
        sql.execute(
            "INSERT INTO t VALUES "
            "(1, 'Compute', 'a', 1.50, '2024-09-01', MAP {'env': 'dev', 'a.b': 'x'}, '{}'), "
            "(2, 'Sto%rage', 'b', -2.00, '2024-09-02 12:00:00', MAP {'env': 'prod'}, '{}'), "
            "(3, NULL, NULL, NULL, NULL, NULL, NULL)"
        )
        rows = sql.execute(
            f"SELECT n FROM t WHERE {told.text} ORDER BY n",  # noqa: S608
            list(told.arguments),
        ).fetchall()
    return [number for (number,) in rows]


@pytest.mark.parametrize(
    ("condition", "numbers"),
    [
        ("", [1, 2, 3]),
        ("ServiceName = 'Compute'", [1]),
        ("servicename = 'Compute'", [1]),
        ("'Compute' = ServiceName", [1]),
        ("ServiceName <> 'Compute'", [2]),
        ("ServiceName != 'Compute'", [2]),
        ("\"x_Cost Center\" = 'b'", [2]),
        ("ServiceName IN ('Compute', 'other')", [1]),
        ("ServiceName NOT IN ('Compute')", [2]),
        ("ServiceName LIKE 'Comp%'", [1]),
        ("ServiceName LIKE 'Sto\\%%'", [2]),
        ("ServiceName NOT LIKE 'C%'", [2]),
        ("ServiceName ILIKE 'comp%'", [1]),
        ("ServiceName NOT ILIKE 'comp%'", [2]),
        ("\"x_Cost Center\" ILIKE 'A'", [1]),
        ("BilledCost < 999999999999999999999999999999999999.99", [1, 2]),
        ("NOT ServiceName IS NULL", [1, 2]),
        ("BilledCost NOT BETWEEN -2 AND 1", [1]),
        ("ServiceName IS NULL", [3]),
        ("ServiceName IS NOT NULL", [1, 2]),
        ("Tags['env'] = 'dev'", [1]),
        ("Tags.env = 'dev'", [1]),
        ("Tags['a.b'] = 'x'", [1]),
        ("Tags.a.b = 'x'", [1]),
        ("Tags['env'] IS NULL", [3]),
        ("Tags IS NULL", [3]),
        ("BilledCost = 1.5", [1]),
        ("BilledCost = '1.50'", [1]),
        ("BilledCost = 1.500000000000000000000000001", []),
        ("BilledCost <> 1.500000000000000000000000001", [1, 2]),
        ("BilledCost < 1.500000000000000000000000001", [1, 2]),
        ("BilledCost <= 1.499999999999999999999999999", [2]),
        ("BilledCost > 1.499999999999999999999999999", [1]),
        ("BilledCost > 1.500000000000000000000000001", []),
        ("BilledCost >= -2", [1, 2]),
        ("-2 >= BilledCost", [2]),
        ("BilledCost BETWEEN -2 AND 1", [2]),
        ("NOT BilledCost = 1.5", [2]),
        ("ChargePeriodStart >= '2024-09-02'", [2]),
        ("ChargePeriodStart = '2024-09-02T14:00:00+02:00'", [2]),
        ("ServiceName = 'Compute' OR Tags.env = 'prod' AND BilledCost > 5", [1]),
        ("(ServiceName = 'Compute' OR Tags.env = 'prod') AND BilledCost < 0", [2]),
        (" OR ".join(["ServiceName = 'x'"] * 500), []),
    ],
)
def test_condition_holds_as_in_sql(condition: str, numbers: list[int]) -> None:
    assert _holds(condition) == numbers


@pytest.mark.parametrize(
    ("condition", "said"),
    [
        ("ServiceName = = 'x'", "line 1, column 15"),
        ("ServiceName =\n= 'x'", "line 2"),
        ("ServiceNme = 'x'", "did you mean ServiceName"),
        ("ServiceName = NULL", "IS NULL"),
        ("Tags = 'x'", "Tags['key']"),
        ("ServiceName['x'] = 'y'", "only columns of tags"),
        ("BilledCost = 'much'", "compared with a number"),
        ("BilledCost = 1e40", "beyond what BilledCost holds"),
        ("BilledCost LIKE '1%'", "LIKE is for texts"),
        ("ChargePeriodStart > 'soon'", "write it like 2024-09-01"),
        ("ServiceName LIKE 'a\\'", "lone backslash"),
        ("ServiceName = BilledCost", "nothing that can be asked"),
        ("ServiceName", "nothing that can be asked"),
        ("1 = 1", "nothing that can be asked"),
        ("lower(ServiceName) = 'x'", "nothing that can be asked"),
        ("ServiceName IN (SELECT 1)", "nothing that can be asked"),
        ("ServiceName LIKE 'a' ESCAPE 'b'", "nothing that can be asked"),
        ("ServiceName LIKE ANY ('a')", "nothing that can be asked"),
        ("ServiceName = ANY ('{a}')", "nothing that can be asked"),
        ("EXISTS (SELECT 1)", "nothing that can be asked"),
        ("ServiceName = 'x'; DROP TABLE charges", "line 1, column 23"),
        ("NOT " * 300 + "ServiceName = 'x'", "nested too deeply"),
        ("(" * 300 + "ServiceName = 'x'" + ")" * 300, "nested too deeply"),
        ("x" * 20_000, "more than 16,384"),
    ],
)
def test_condition_that_cannot_be_asked_says_why(condition: str, said: str) -> None:
    with pytest.raises(BadQuestion) as refused:
        Condition.read(condition).sql(SPEECH)

    assert said in str(refused.value)


@given(st.text(max_size=200))
def test_no_text_does_more_than_be_refused(text: str) -> None:
    try:
        told = Condition.read(text).sql(SPEECH)
    except BadQuestion:
        return
    assert "'" not in told.text.replace("ESCAPE '\\'", "")


@given(st.text(max_size=50))
def test_value_is_bound_as_it_is(value: str) -> None:
    literal = value.replace("'", "''")

    told = Condition.read(f"ServiceName = '{literal}'").sql(SPEECH)

    assert told == Fragment('"ServiceName" = ?', (value,))


def test_condition_can_be_told_without_its_values() -> None:
    text = (
        "Tags['person'] = 'Zaphod' AND NOT BilledCost = -0.5 /* Zaphod */ "
        "OR \"x_Cost Center\" IN ('Zaphod', 'b') -- Zaphod"
    )
    told = Condition.read(text).without_values()
    assert told == ("Tags['person'] = ? AND NOT BilledCost = -? OR \"x_Cost Center\" IN (?, ?)")
    assert Condition.read("").without_values() == ""
