"""Where the same words mean something else in CrateDB, the engine is told what they mean."""

from collections.abc import Iterator
from decimal import Decimal

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from costwire_db_handler.sql.access import TableCatalog
from costwire_db_handler.sql.errors import SqlError
from costwire_db_handler.sql.guard import check
from costwire_db_handler.stores.duckdb.parse import DuckParser
from costwire_db_handler.users import Role

CATALOG = TableCatalog(
    frozenset(),
    {"mine": "ann"},
    {"mine": [("a", "VARCHAR"), ("d", "DECIMAL(10,2)"), ("n", "INTEGER")]},
)


@pytest.fixture(scope="module")
def parser() -> Iterator[DuckParser]:
    parser = DuckParser()
    yield parser
    parser.close()


@pytest.fixture(scope="module")
def engine() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        connection.execute("CREATE TABLE mine (a VARCHAR, d DECIMAL(10, 2), n INTEGER)")
        connection.execute("INSERT INTO mine VALUES ('vm-10', 3.7, 7), ('lb_1', -3.7, NULL)")
        yield connection


def meant(parser: DuckParser, statement: str) -> str:
    return check(statement, role=Role.WRITER, user="ann", catalog=CATALOG, parser=parser).sql


@pytest.mark.parametrize(
    ("query", "arguments", "expected"),
    [  # CrateDB 6.2.11 gave all of these answers.
        ("SELECT 7 / 2, -7 / 2, 7 / 2.0", [], [(3, -3, 3.5)]),
        ("SELECT n / 2 FROM mine ORDER BY n DESC", [], [(None,), (3,)]),
        ("SELECT a FROM mine WHERE a ~ 'vm-[0-9]'", [], []),
        ("SELECT a FROM mine WHERE a ~ 'vm-[0-9]+'", [], [("vm-10",)]),
        ("SELECT a FROM mine WHERE a ~* ?", ["VM.*"], [("vm-10",)]),
        ("SELECT a FROM mine WHERE a !~ '.*1'", [], [("vm-10",)]),
        ("SELECT a FROM mine WHERE a !~* 'LB|x'", [], [("vm-10",), ("lb_1",)]),
        ("SELECT a FROM mine WHERE a LIKE 'lb\\_%'", [], [("lb_1",)]),
        ("SELECT a FROM mine WHERE a NOT LIKE '%\\_%'", [], [("vm-10",)]),
        ("SELECT a FROM mine WHERE a ILIKE $1", ["LB\\_1"], [("lb_1",)]),
        ("SELECT a FROM mine WHERE a LIKE 'lb!_%' ESCAPE '!'", [], [("lb_1",)]),
        ("SELECT 3.7::int, CAST(d AS INTEGER) FROM mine ORDER BY d", [], [(3, -3), (3, 3)]),
        ("SELECT sum(d)::bigint, max(d)::int, n::int FROM mine GROUP BY n", [], None),
        ("SELECT * FROM generate_series(1, 3)", [], [(1,), (2,), (3,)]),
        ("SELECT s FROM generate_series(1, 2) s", [], [(1,), (2,)]),
        ("SELECT s.n * 2 FROM generate_series(2, 6, 4) AS s (n)", [], [(4,), (12,)]),
        ("SELECT percentile(n, 0.5) FROM generate_series(1, 8) AS s (n)", [], [(5,)]),
        (
            "SELECT percentile(n, [0, 0.25, 1]) FROM generate_series(1, 8) AS s (n)",
            [],
            [([1, 3, 8],)],
        ),
    ],
)
def test_the_answer_is_cratedbs(
    parser: DuckParser,
    engine: duckdb.DuckDBPyConnection,
    query: str,
    arguments: list[str],
    expected: list[object] | None,
) -> None:
    rows = engine.execute(meant(parser, query), arguments).fetchall()
    assert expected is None or rows == expected


def test_whole_numbers_are_not_divided_by_zero(
    parser: DuckParser, engine: duckdb.DuckDBPyConnection
) -> None:
    with pytest.raises(duckdb.InvalidInputException, match="zero"):
        engine.execute(meant(parser, "SELECT n / 0 FROM mine")).fetchall()


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT regexp_matches(a, '~') FROM mine",
        "SELECT a FROM mine WHERE a ~ ('x' || a)",
        "SELECT a::int, n::int FROM mine",
        "SELECT a FROM mine WHERE a LIKE 'x%'",
        "SELECT * FROM range(1, 3)",
        "SELECT * FROM generate_series(1, 3000000000, 1000000000)",
    ],
)
def test_what_means_the_same_stays(parser: DuckParser, statement: str) -> None:
    assert meant(parser, statement) == statement


def test_a_change_is_told_what_it_means(
    parser: DuckParser, engine: duckdb.DuckDBPyConnection
) -> None:
    sql = meant(parser, "UPDATE mine SET n = d::int WHERE a LIKE ? AND a ~ 'lb_[0-9]'")
    with engine.cursor() as cursor:
        cursor.execute("BEGIN")
        cursor.execute(sql, ["lb\\_%"])
        assert cursor.execute("SELECT n FROM mine WHERE a = 'lb_1'").fetchall() == [(-3,)]
        cursor.execute("ROLLBACK")


@given(
    values=st.lists(st.integers(-50, 50), min_size=1, max_size=30),
    percent=st.integers(0, 100),
)
def test_percentile_is_the_value_with_that_share_below(values: list[int], percent: int) -> None:
    parser, fraction = DuckParser(), Decimal(percent) / 100
    try:
        rows = "(SELECT unnest(?) AS v) AS t"
        sql = meant(parser, f"SELECT percentile(v, {fraction}) FROM {rows}")  # noqa: S608
    finally:
        parser.close()
    ((found,),) = duckdb.execute(sql, [values]).fetchall()
    assert found == sorted(values)[min(int(fraction * len(values)), len(values) - 1)]


def test_what_is_put_in_cannot_end_a_text(parser: DuckParser) -> None:
    for given_text in ("'\\'", "'a\\''b'", "'--\\'", "E'\\\\'", "'/*\\'"):
        statement = f"SELECT a FROM mine WHERE a LIKE {given_text} AND a ~ {given_text}"  # noqa: S608
        try:
            sql = meant(parser, statement)
        except SqlError:
            continue
        assert len(parser.tree(sql)) == 1
