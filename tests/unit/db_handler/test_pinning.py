"""References to versioned tables are found wherever they stand, and nothing else is touched."""

# ruff: noqa: S608 - texts of statements are the matter here

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given, settings
from tests.support.sql_texts import SqlText, sql_texts

from costwire_db_handler.sql.errors import UnsupportedFeature
from costwire_db_handler.stores.cratedb.pinning import (
    Pinned,
    Unreadable,
    may_mix,
    names_versioned,
    pinned,
    spelled,
)

COSTS = Pinned("costs", 17, ["billedcost", "tags"])
BILLS = Pinned("bills", 9, ["id", "amount", "service"])
STATES = {"costs": COSTS, "bills": BILLS}


def shown(statement: str) -> str:
    """The pinned statement with short marks for what was put in."""
    text = pinned(statement, STATES)
    return text.replace(COSTS.subselect, "<17>").replace(BILLS.subselect, "<9>")


def test_pinned_table_reads_one_state_of_its_versions() -> None:
    assert pinned("SELECT 1 FROM costs c", STATES) == (
        'SELECT 1 FROM (SELECT "billedcost", "tags" FROM doc."costs__versions"'
        " WHERE _commit <= 17 AND _last >= 17) c"
    )


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        ("SELECT * FROM Costs", 'SELECT * FROM <17> AS "costs"'),
        ('SELECT * FROM doc."costs"', 'SELECT * FROM <17> AS "costs"'),
        ("SELECT * FROM crate . doc . bills AS b", "SELECT * FROM <9> AS b"),
        ("SELECT * FROM bills b (x, y, z)", "SELECT * FROM <9> b (x, y, z)"),
        ("SELECT * FROM (bills) AS b", 'SELECT * FROM (<9> AS "bills") AS b'),
        ("SELECT 1 FROM bills a, bills b", "SELECT 1 FROM <9> a, <9> b"),
        ("SELECT 1 FROM a JOIN bills USING (id)", 'SELECT 1 FROM a JOIN <9> AS "bills" USING (id)'),
        ("SELECT 1 FROM a NATURAL JOIN bills b", "SELECT 1 FROM a NATURAL JOIN <9> b"),
        (
            "SELECT id FROM bills a UNION SELECT id FROM bills b ORDER BY id",
            "SELECT id FROM <9> a UNION SELECT id FROM <9> b ORDER BY id",
        ),
        (
            "SELECT 1 FROM t WHERE EXISTS (SELECT 1 FROM bills b WHERE b.id = t.id)",
            "SELECT 1 FROM t WHERE EXISTS (SELECT 1 FROM <9> b WHERE b.id = t.id)",
        ),
        (
            "SELECT 1 FROM t WHERE x = ANY(SELECT x FROM bills b) OR x IN (SELECT 1 FROM costs c)",
            "SELECT 1 FROM t WHERE x = ANY(SELECT x FROM <9> b) OR x IN (SELECT 1 FROM <17> c)",
        ),
        (
            "WITH a AS (SELECT * FROM bills b), c AS (SELECT * FROM a) SELECT * FROM a, c",
            "WITH a AS (SELECT * FROM <9> b), c AS (SELECT * FROM a) SELECT * FROM a, c",
        ),
        (
            "SELECT max(id) OVER (PARTITION BY (SELECT max(id) FROM bills b)) AS m FROM bills b",
            "SELECT max(id) OVER (PARTITION BY (SELECT max(id) FROM <9> b)) AS m FROM <9> b",
        ),
        ("EXPLAIN SELECT * FROM bills b", "EXPLAIN SELECT * FROM <9> b"),
        ("EXPLAIN (COSTS true) SELECT 1 FROM costs c", "EXPLAIN (COSTS true) SELECT 1 FROM <17> c"),
        ("SELECT 1 FROM bills b;", "SELECT 1 FROM <9> b;"),
    ],
)
def test_reference_is_pinned_where_it_stands(statement: str, expected: str) -> None:
    assert shown(statement) == expected


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        ("INSERT INTO bills SELECT * FROM bills b", "INSERT INTO bills SELECT * FROM <9> b"),
        (
            "INSERT INTO mine (id) (SELECT id FROM bills b) ON CONFLICT DO NOTHING RETURNING id",
            "INSERT INTO mine (id) (SELECT id FROM <9> b) ON CONFLICT DO NOTHING RETURNING id",
        ),
        (
            "UPDATE bills SET id = (SELECT max(id) FROM bills b) WHERE bills.id = 1",
            "UPDATE bills SET id = (SELECT max(id) FROM <9> b) WHERE bills.id = 1",
        ),
        (
            "DELETE FROM doc.bills WHERE id IN (SELECT id FROM bills b)",
            "DELETE FROM doc.bills WHERE id IN (SELECT id FROM <9> b)",
        ),
        (
            "CREATE TABLE t AS (SELECT * FROM bills a, bills b)",
            "CREATE TABLE t AS (SELECT * FROM <9> a, <9> b)",
        ),
    ],
)
def test_what_a_statement_changes_is_not_pinned(statement: str, expected: str) -> None:
    assert shown(statement) == expected


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE VIEW v AS SELECT * FROM bills a, bills b",
        "CREATE OR REPLACE VIEW v AS (SELECT * FROM bills a, bills b)",
        "SELECT bills, other.bills, bills['bills'] FROM other.bills AS b, mine AS bills",
        "SELECT 'FROM bills', $$FROM bills$$, E'it\\'s FROM bills' /* FROM bills */ -- FROM bills",
        "SELECT bills(1) FROM bills(1, 2) AS b",
        "WITH bills AS (SELECT 1 AS id) SELECT * FROM bills, (SELECT * FROM bills) AS b",
        "SELECT * FROM mine AS bills WHERE id IN (SELECT id FROM bills)",
        "SHOW CREATE TABLE bills",
        "REFRESH TABLE bills",
        "DROP TABLE bills",
        'SELECT * FROM "Bills"',
    ],
)
def test_what_is_no_reference_stays_as_it_is(statement: str) -> None:
    assert pinned(statement, STATES) == statement


def test_cte_of_the_tables_name_reads_the_table_and_then_hides_it() -> None:
    statement = "WITH bills AS (SELECT * FROM bills) SELECT * FROM bills a, bills b"
    expected = 'WITH bills AS (SELECT * FROM <9> AS "bills") SELECT * FROM bills a, bills b'
    assert shown(statement) == expected


def test_table_beside_a_cte_of_its_name_wants_an_alias() -> None:
    with pytest.raises(UnsupportedFeature, match="alias"):
        pinned("WITH bills AS (SELECT 1 AS id) SELECT * FROM doc.bills", STATES)
    statement = "WITH bills AS (SELECT 1 AS id) SELECT * FROM doc.bills b"
    assert shown(statement) == "WITH bills AS (SELECT 1 AS id) SELECT * FROM <9> b"


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        ("SELECT bills.id FROM bills", 'SELECT bills.id FROM <9> AS "bills"'),
        (
            "SELECT doc.bills.id, doc.bills.* FROM doc.bills ORDER BY crate.doc.bills.id",
            'SELECT bills.id, bills.* FROM <9> AS "bills" ORDER BY bills.id',
        ),
        (
            "SELECT 1 FROM bills WHERE EXISTS (SELECT 1 FROM t WHERE t.id = doc.bills.id)",
            'SELECT 1 FROM <9> AS "bills" WHERE EXISTS (SELECT 1 FROM t WHERE t.id = bills.id)',
        ),
        ("SELECT doc.bills.id FROM bills b", "SELECT doc.bills.id FROM <9> b"),
        ("SELECT doc.bills FROM t AS doc, bills", 'SELECT doc.bills FROM t AS doc, <9> AS "bills"'),
    ],
)
def test_columns_can_be_called_by_the_tables_name(statement: str, expected: str) -> None:
    assert shown(statement) == expected


def test_column_without_a_name_is_called_by_the_users_expression() -> None:
    statement = "SELECT (SELECT max(id) FROM bills b), 1 FROM bills c"
    expected = 'SELECT (SELECT max(id) FROM <9> b) AS "(SELECT max(id) FROM bills b)", 1 FROM <9> c'
    assert shown(statement) == expected


@pytest.mark.parametrize(
    "part",
    [
        *(
            "tags['a']",
            "tags['a']['b']",
            "x::text",
            "x::numeric(38, 18)",
            "?",
            "$1",
            '"Quoted ""x"',
        ),
        *("count(*) FILTER (WHERE x > 1)", "ARRAY[1, 2]", "[1, 2]", "[]", "{a = 1, \"B\" = ['x']}"),
        *("INTERVAL '1 day'", "date '2024-01-01'", "TIMESTAMP '2024-01-01'", "x[1]", "x[1:2]"),
        *("sum(x) OVER (PARTITION BY a ORDER BY b ROWS BETWEEN 1 PRECEDING AND CURRENT ROW)",),
        *("CASE WHEN x THEN 1 ELSE 2 END", "x ~* 'a.*'", "x ILIKE '%a%'", "x NOT IN (1, 2)"),
        *("extract(epoch FROM x)", "cast(x AS array(text))", "try_cast(x AS int)", "'ß'", '"ß"'),
        *("x IS DISTINCT FROM y", "x BETWEEN 1 AND 2", "1 = ANY(x)", "x || 'y'", "-x"),
        *(
            "current_timestamp",
            "date_trunc('month', x)",
            "percentile(x, 0.5)",
            "x AT TIME ZONE 'Z'",
        ),
        *(
            "first_value(x) IGNORE NULLS OVER w",
            "substring(x FROM 1 FOR 2)",
            "trim(both 'x' from y)",
        ),
        *("(x).y", "1_000", "1.5e3", "0.5", "B'01'", "x LIKE 'c' ESCAPE '\\'", "x && [1]"),
    ],
)
def test_what_users_write_is_understood(part: str) -> None:
    statement = f"SELECT {part} AS v FROM bills b WHERE ({part}) > 0 WINDOW w AS (ORDER BY x)"
    assert shown(statement) == statement.replace("FROM bills", "FROM <9>")


@pytest.mark.parametrize(
    "statement",
    [
        "SELEC * FROM bills",
        "SELECT * FROM bills WHERE",
        "(SELECT * FROM bills) UNION",
        "SELECT 1 FROM bills; SELECT 2",
        "",
        "$$",
    ],
)
def test_what_cannot_be_read_is_said_so(statement: str) -> None:
    with pytest.raises(Unreadable):
        pinned(statement, STATES)
    assert shown("SELECT $$bills$$ FROM bills b") == "SELECT $$bills$$ FROM <9> b"


def test_huge_and_deep_statements_are_refused() -> None:
    with pytest.raises(UnsupportedFeature, match="arguments"):
        pinned(f"SELECT * FROM bills WHERE id IN ({'1,' * 40_000} 1)", STATES)
    with pytest.raises(UnsupportedFeature, match=r"deep|too long"):
        pinned("SELECT * FROM " + "(SELECT * FROM " * 100 + "bills" + ") AS b" * 100, STATES)


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        ("SELECT costs.x FROM Costs", 'SELECT "costs".x FROM "costs"'),
        ("SELECT 'costs', \"costs\" -- costs", "SELECT 'costs', \"costs\" -- costs"),
        ("EXPLAIN (costs) SELECT 1 FROM costs", 'EXPLAIN (costs) SELECT 1 FROM "costs"'),
        ("SELECT xcosts, costs_1, 1costs", "SELECT xcosts, costs_1, 1costs"),
    ],
)
def test_the_word_that_cratedb_reserves_is_quoted(statement: str, expected: str) -> None:
    assert spelled(statement) == expected
    assert spelled(expected) == expected


@pytest.mark.parametrize(
    ("statement", "named", "mixes"),
    [
        ("SELECT 1", 0, False),
        ("SELECT 'bills' FROM other -- bills", 0, False),
        ("SELECT * FROM BILLS", 1, False),
        ("SELECT bills.id FROM bills", 2, True),
        ('SELECT * FROM "bills" JOIN costs', 2, True),
        ("WITH a AS (SELECT * FROM bills) SELECT 1 FROM a x, a y", 1, True),
        ("SELECT (SELECT max(id) FROM bills b WHERE b.x = t.x) FROM t", 1, True),
        ("DELETE FROM t WHERE id IN (SELECT id FROM bills)", 1, False),
        ('SELECT $a$ bills $b$ $a$, E\'\\\'bills\' , "a""bills"', 0, False),
    ],
)
def test_cheap_look_finds_what_may_mix_states(statement: str, named: int, mixes: bool) -> None:
    assert names_versioned(statement, STATES) == named
    assert may_mix(statement, STATES) is mixes


@given(sql_texts("bills", "mine"))
@settings(max_examples=60)
def test_every_reference_of_a_random_statement_is_pinned(statement: SqlText) -> None:
    text = pinned(statement.text, STATES)
    assert text.count(BILLS.subselect) == statement.references
    assert names_versioned(statement.text, STATES) >= statement.references


def test_threads_pin_at_the_same_time() -> None:
    texts = [
        f"SELECT {n}, sum(x{n}) FROM bills b JOIN (SELECT * FROM costs c WHERE y = {n}) d ON true"
        for n in range(60)
    ]
    expected = [pinned(text, STATES) for text in texts]
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(lambda text: pinned(text, STATES), texts)) == expected
