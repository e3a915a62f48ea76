"""Columns are called as CrateDB calls them, and have its types."""

from collections.abc import Iterator

import pytest

from costwire_db_handler.sql.access import TableCatalog
from costwire_db_handler.sql.checked import Checked
from costwire_db_handler.sql.guard import check
from costwire_db_handler.sql.outputs import Output, spread
from costwire_db_handler.sql.protocol import result_names, result_types
from costwire_db_handler.stores.duckdb.parse import DuckParser
from costwire_db_handler.users import Role

CATALOG = TableCatalog(frozenset({"x"}), {"mine": "ann"}, {"mine": [("id", "VARCHAR")]})


@pytest.fixture(scope="module")
def parser() -> Iterator[DuckParser]:
    parser = DuckParser()
    yield parser
    parser.close()


def checked(parser: DuckParser, statement: str) -> Checked:
    return check(statement, role=Role.WRITER, user="ann", catalog=CATALOG, parser=parser)


@pytest.mark.parametrize(
    ("expression", "name"),
    [  # CrateDB 6.2.11 told all of these names.
        ("extract(epoch FROM current_timestamp)", "EXTRACT(EPOCH FROM current_timestamp)"),
        ("a[1]", "a[1]"),
        ("tags['team']", "tags['team']"),
        ("CASE WHEN 1 = 1 THEN 2 ELSE 3 END", "(CASE WHEN (1 = 1) THEN 2 ELSE 3 END)"),
        ("-a[1]", "- a[1]"),
        ("a IS NULL", "(a IS NULL)"),
        ("NOT true", "(NOT true)"),
        ("1 = 2", "(1 = 2)"),
        ("'a' LIKE 'b'", "('a' LIKE 'b')"),
        ("1 IN (1, 2)", "(1 IN (1, 2))"),
        ("1 BETWEEN 0 AND 2", "(1 BETWEEN 0 AND 2)"),
        ("current_timestamp = now()", "(current_timestamp = now())"),
        ("coalesce(1, 2)", "coalesce"),
        ("'a' || 'b'", "op_||"),
        ("x.a", "a"),
        ("true", "true"),
        ("NULL", "NULL"),
        ("1.50", "1.5"),
        ("1e3", "1000.0"),
        ("'it''s'", "'it''s'"),
        ("count(*)", "count"),
        ("count(DISTINCT a)", "count"),
        ("sum(a) OVER (ORDER BY b)", "sum"),
        ("INTERVAL '1 day'", "CAST('1 day' AS interval)"),
        ("'1'::bigint", "CAST('1' AS bigint)"),
        ("TRY_CAST('1' AS double precision)", "TRY_CAST('1' AS double precision)"),
        ("CAST('1.25' AS numeric(10, 2))", "CAST('1.25' AS numeric(10, 2))"),
        ("date_trunc('day', now())", "date_trunc"),
        ("date_format('%Y', now())", "date_format"),
        ("[1, 2]", "[1, 2]"),
        ("ARRAY[1, 2]", "[1, 2]"),
        ("left('ab', 1)", "left"),
        ("substring('abc' FROM 2)", "substring"),
        ("position('a' IN 'b')", "strpos"),
        ("2 * 3 + 4", "((2 * 3) + 4)"),
        ("sum(a) / 3", "(sum(a) / 3)"),
        ("(1)", "1"),
        ("max(a) FILTER (WHERE b)", "max"),
    ],
)
def test_column_without_a_name_is_called_by_its_expression(
    parser: DuckParser, expression: str, name: str
) -> None:
    found = checked(parser, f"SELECT {expression} FROM x")  # noqa: S608 - texts of this test
    assert result_names([name.lower() if "." in expression else "?"], found) in (
        [name],
        [name.lower()],
    )


def test_names_of_the_users_stay(parser: DuckParser) -> None:
    found = checked(parser, 'SELECT count(*) AS n, BilledCost, sum(a) AS "The Sum" FROM x')
    names = result_names(["n", "BilledCost", "The Sum"], found)
    assert names == ["n", "billedcost", "The Sum"]


def test_a_star_stands_for_any_number_of_columns(parser: DuckParser) -> None:
    found = checked(parser, "SELECT count(*), *, max(a) FROM x GROUP BY ALL")
    assert result_names(["1", "A", "B", "2"], found) == ["count", "a", "b", "max"]
    two = checked(parser, "SELECT *, count(*), * FROM x GROUP BY ALL")
    assert result_names(["A", "count_star()", "B"], two) == ["a", "count(*)", "b"]
    assert spread([Output("one")], 3) == [Output()] * 3


def test_a_union_is_called_as_its_first_query(parser: DuckParser) -> None:
    found = checked(parser, "SELECT count(*) FROM x UNION SELECT max(a) AS most FROM x")
    assert result_names(["count_star()"], found) == ["count"]


def test_returned_columns_are_named_as_well(parser: DuckParser) -> None:
    found = checked(parser, "INSERT INTO mine (id) VALUES ('a') RETURNING upper(id), id")
    assert result_names(["upper(id)", "id"], found) == ["upper", "id"]


@pytest.mark.parametrize(
    ("expression", "engine", "number"),
    [
        ("1.5", "DECIMAL(2,1)", 6),
        ("a", "DECIMAL(2,1)", 22),
        ("length(a)", "BIGINT", 9),
        ("count(*)", "BIGINT", 10),
        ("sum(a)", "HUGEINT", 10),
        ("row_number() OVER (ORDER BY a)", "BIGINT", 9),
        ("extract(day FROM a)", "BIGINT", 9),
        ("extract(epoch FROM a)", "DOUBLE", 6),
        ("date_trunc('day', a)", "TIMESTAMP", 11),
        ("date_trunc('day', a)", "INTERVAL", 17),
        ("round(2.5)", "DECIMAL(2,0)", 10),
        ("round(a)", "DECIMAL(38,0)", 22),
        ("percentile(a, 0.5)", "INTEGER", 6),
        ("[a]", "BIGINT[]", [100, 10]),
    ],
)
def test_types_are_cratedbs(
    parser: DuckParser, expression: str, engine: str, number: object
) -> None:
    found = checked(parser, f"SELECT {expression} AS v FROM x")  # noqa: S608 - texts of this test
    assert result_types([engine], found) == [number]
