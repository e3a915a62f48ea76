"""What the guard lets pass, and as what text."""

from collections.abc import Callable, Iterator

import pytest

from costwire_db_handler.sql.access import TableCatalog
from costwire_db_handler.sql.checked import Checked, Conversion, Kind
from costwire_db_handler.sql.errors import (
    InvalidName,
    MissingPrivilege,
    ReadOnlyRelation,
    RelationExists,
    RelationUnknown,
    SqlError,
    SqlParse,
    StatementTooLarge,
    UnsupportedFeature,
    UnsupportedFunction,
)
from costwire_db_handler.sql.functions import FUNCTIONS, RENAMED, SERIES, TABLE_FUNCTIONS
from costwire_db_handler.sql.guard import check
from costwire_db_handler.stores.duckdb.parse import DuckParser
from costwire_db_handler.users import Role

Allow = Callable[..., Checked]

CATALOG = TableCatalog(
    frozenset({"charges"}),
    {"mine": "ann", "hers": "eve"},
    {
        "charges": [("BilledCost", "DECIMAL(38,18)"), ("ChargePeriodStart", "TIMESTAMP")],
        "mine": [
            ("id", "VARCHAR"),
            ("ts", "TIMESTAMP WITH TIME ZONE"),
            ("o", "MAP(VARCHAR, VARCHAR)"),
            ("d", "DOUBLE"),
        ],
    },
)


@pytest.fixture(scope="module")
def parser() -> Iterator[DuckParser]:
    parser = DuckParser()
    yield parser
    parser.close()


@pytest.fixture
def allow(parser: DuckParser) -> Allow:
    def checked(statement: str, role: Role = Role.WRITER, user: str = "ann") -> Checked:
        return check(statement, role=role, user=user, catalog=CATALOG, parser=parser)

    return checked


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT * FROM charges",
        "select billedcost from main.charges where tags['k'] = 'v' limit 3",
        "FROM charges",
        "TABLE charges",
        "SELECT 1; ",
        "SELECT 1 -- and no more",
        "WITH a AS (SELECT 1 AS x), b AS (SELECT x FROM a) SELECT * FROM b JOIN a USING (x)",
        "WITH RECURSIVE t(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM t WHERE n < 9) FROM t",
        "SELECT sum(billedcost) OVER (PARTITION BY servicename ORDER BY regionid) FROM charges",
        "SELECT CASE WHEN billedcost > 0 THEN 'a' ELSE 'b' END, billedcost::text FROM charges",
        "SELECT date_trunc('month', chargeperiodstart) m, count(*) FROM charges GROUP BY ALL",
        "SELECT a.* EXCLUDE (x) FROM (SELECT 1 x, 2 y) a",
        "SELECT unnest([1, 2, 3])",
        "SELECT * FROM generate_series(1, 10) AS days(n)",
        "SELECT lpad('x', 10, '0')",
        "SELECT current_timestamp, now(), interval '1 day', extract(year FROM d) FROM charges",
        "SELECT string_agg(DISTINCT tags, ', ' ORDER BY tags) FILTER (WHERE true) FROM charges",
        "SELECT quantile_cont(billedcost, 0.5), approx_count_distinct(servicename) FROM charges",
        "SELECT * FROM charges UNION ALL SELECT * FROM charges ORDER BY 1",
        "SELECT * FROM charges WHERE id IN (SELECT id FROM charges) AND EXISTS (SELECT 1)",
        "SELECT j->'a', j->>'$.b' FROM (SELECT '{}'::json AS j)",
        "SELECT CAST(1 AS DECIMAL(38, 18)), TRY_CAST('x' AS DOUBLE PRECISION), '1'::LONG",
        "SELECT * FROM (PIVOT charges ON servicename IN ('a') USING sum(billedcost))",
        "DESCRIBE charges",
        "SUMMARIZE charges",
        "EXPLAIN SELECT * FROM charges",
        "EXPLAIN ANALYZE SELECT * FROM charges",
        "SHOW TABLES",
        "SELECT * FROM (VALUES (1, 'a'), (2, 'b')) AS t(n, s)",
        'SELECT "BilledCost" AS "Köster" FROM charges',
    ],
)
@pytest.mark.parametrize("role", [Role.READER, Role.WRITER])
def test_queries_over_what_one_may_read_pass(allow: Allow, statement: str, role: Role) -> None:
    checked = allow(statement, role)
    assert checked.kind is Kind.SELECT
    assert checked.returns_rows


def test_cratedbs_schema_is_reworded(allow: Allow) -> None:
    checked = allow("SELECT doc.charges.billedcost, 'doc.x' FROM \"doc\".charges, doc . charges é")
    assert checked.sql == "SELECT charges.billedcost, 'doc.x' FROM charges, charges é"


def test_cratedbs_functions_are_reworded(allow: Allow) -> None:
    checked = allow("SELECT 'é', DATE_BIN('1 day'::interval, chargeperiodstart) FROM charges")
    assert (
        checked.sql == "SELECT 'é', time_bucket('1 day'::interval, chargeperiodstart) FROM charges"
    )


def test_milliseconds_compared_with_an_instant_are_an_instant(allow: Allow) -> None:
    checked = allow(
        "SELECT 1 FROM charges c WHERE c.chargeperiodstart >= 1725148800000 "
        "AND chargeperiodstart BETWEEN ? AND $2 AND billedcost > $3 AND 1725148800000 > 3"
    )
    assert "c.chargeperiodstart >= make_timestamp_ms(1725148800000)" in checked.sql
    assert "AND 1725148800000 > 3" in checked.sql
    assert checked.conversions == {0: Conversion.INSTANT, 1: Conversion.INSTANT}


def test_arguments_become_what_their_column_wants(allow: Allow) -> None:
    checked = allow("INSERT INTO doc.mine (id, ts, o, d) VALUES (?, ?, ?, ?)")
    assert checked.sql == "INSERT INTO mine (id, ts, o, d) VALUES (?, ?, ?, ?)"
    assert checked.conversions == {
        1: Conversion.INSTANT,
        2: Conversion.MAP,
        3: Conversion.DOUBLE,
    }
    assert checked.plain_insert
    assert checked.target == "mine"


def test_arguments_of_updates_and_upserts_are_converted_too(allow: Allow) -> None:
    update = allow("UPDATE mine SET o = ?, ts = ? WHERE ts < ? AND id = ?")
    assert update.conversions == {
        0: Conversion.MAP,
        1: Conversion.INSTANT,
        2: Conversion.INSTANT,
    }
    upsert = allow("INSERT INTO mine VALUES (?, ?) ON CONFLICT (id) DO UPDATE SET o = ?")
    assert upsert.conversions == {1: Conversion.INSTANT, 2: Conversion.MAP}
    assert not upsert.plain_insert


@pytest.mark.parametrize(
    ("statement", "kind"),
    [
        ("INSERT INTO mine (id) VALUES ('a'), ('b')", Kind.INSERT),
        ("INSERT INTO mine (id) SELECT servicename FROM charges", Kind.INSERT),
        ("INSERT INTO mine (id) VALUES (?) ON CONFLICT (id) DO NOTHING", Kind.INSERT),
        ("INSERT INTO mine (id) VALUES (?) RETURNING id", Kind.INSERT),
        ("UPDATE mine SET id = upper(id) WHERE id LIKE 'a%'", Kind.UPDATE),
        ("DELETE FROM mine WHERE id IN (SELECT servicename FROM charges)", Kind.DELETE),
        ("CREATE TABLE doc.other (id STRING PRIMARY KEY)", Kind.CREATE_TABLE),
        ("CREATE TABLE other AS SELECT * FROM charges", Kind.CREATE_TABLE),
        ("DROP TABLE IF EXISTS mine", Kind.DROP_TABLE),
        ("ALTER TABLE mine ADD COLUMN n INTEGER", Kind.ALTER_TABLE),
    ],
)
def test_writers_change_their_own_tables(allow: Allow, statement: str, kind: Kind) -> None:
    assert allow(statement).kind is kind
    with pytest.raises(MissingPrivilege) as refused:
        allow(statement, Role.READER)
    assert refused.value.status == 401
    assert refused.value.code == 4011


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT * FROM mine",
        "INSERT INTO mine (id) VALUES ('a')",
        "UPDATE mine SET id = 'a'",
        "DELETE FROM mine",
        "DROP TABLE mine",
        "ALTER TABLE mine ADD COLUMN n INTEGER",
        "SUMMARIZE mine",
        "REFRESH TABLE mine",
    ],
)
def test_another_users_table_is_unknown_but_to_admins(allow: Allow, statement: str) -> None:
    with pytest.raises(RelationUnknown, match="Relation 'mine' unknown"):
        allow(statement, Role.WRITER, "eve")
    allow(statement, Role.ADMIN, "root")


@pytest.mark.parametrize("role", list(Role))
@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO charges (billedcost) VALUES (1)",
        "UPDATE charges SET billedcost = 0",
        "DELETE FROM doc.charges",
        "TRUNCATE charges",
        "DROP TABLE charges",
        "ALTER TABLE charges ADD COLUMN n INTEGER",
    ],
)
def test_nobody_writes_into_cost_tables(allow: Allow, statement: str, role: Role) -> None:
    with pytest.raises((ReadOnlyRelation, MissingPrivilege)):
        allow(statement, role)


def test_a_table_that_exists_is_not_made_again(allow: Allow) -> None:
    with pytest.raises(RelationExists):
        allow("CREATE TABLE MINE (id STRING)")
    with pytest.raises(RelationExists):
        allow("CREATE TABLE IF NOT EXISTS hers (id STRING)")
    assert allow("CREATE TABLE IF NOT EXISTS mine (id STRING)").kind is Kind.NOTHING


@pytest.mark.parametrize(
    ("statement", "rowcount"),
    [
        ("SET search_path = 'doc'", 0),
        ("SET memory_limit = '1TB'", 0),
        ("BEGIN", 0),
        ("COMMIT", 0),
        ("REFRESH TABLE charges, doc.mine", 2),
        ("DROP TABLE IF EXISTS nosuch", 0),
    ],
)
def test_what_has_no_meaning_here_is_accepted_and_not_run(
    allow: Allow, statement: str, rowcount: int
) -> None:
    checked = allow(statement)
    assert checked.kind is Kind.NOTHING
    assert checked.sql == ""
    assert checked.rowcount == rowcount


def test_the_catalogs_hold_what_one_may_know_of(allow: Allow) -> None:
    tables = allow("SELECT * FROM information_schema.tables t").sql
    assert "'charges'" in tables
    assert "'mine'" in tables
    assert "'hers'" not in tables
    columns = allow("SELECT * FROM information_schema.columns").sql
    assert "'billedcost', 1, 'numeric(38,18)'" in columns
    assert "'o', 3, 'object'" in columns


def test_a_name_in_a_table_cannot_break_out_of_the_catalogs(parser: DuckParser) -> None:
    catalog = TableCatalog(frozenset({"a'b"}), {}, {"a'b": [("c', (SELECT 1))--", "VARCHAR")]})
    checked = check(
        "SELECT * FROM information_schema.columns",
        role=Role.READER,
        user="ann",
        catalog=catalog,
        parser=parser,
    )
    assert "'a''b', 'c'', (select 1))--'" in checked.sql


def test_ctes_are_in_sight_only_where_the_engine_sees_them(allow: Allow) -> None:
    allow("WITH hers AS (SELECT 1) SELECT * FROM hers")
    for statement in (
        "WITH hers AS (SELECT * FROM hers) SELECT * FROM hers",
        "SELECT * FROM hers, (WITH hers AS (SELECT 1) SELECT * FROM hers)",
        "WITH a AS (SELECT * FROM hers), hers AS (SELECT 1) SELECT * FROM a",
        "WITH hers AS (SELECT 1) SELECT * FROM main.hers",
        "WITH RECURSIVE hers AS (SELECT * FROM hers) SELECT * FROM hers",
        "WITH RECURSIVE hers AS (SELECT * FROM hers UNION ALL SELECT 1) SELECT * FROM hers",
    ):
        with pytest.raises(RelationUnknown):
            allow(statement)


def test_names_are_folded_as_the_engine_folds_them(allow: Allow) -> None:
    allow('SELECT * FROM CHARGES, "Charges", MiNe')
    with pytest.raises(RelationUnknown):
        allow("SELECT * FROM charge\u017f")  # a long s, which is an s in capitals


def test_unqualified_numeric_is_refused_because_it_would_round(allow: Allow) -> None:
    with pytest.raises(UnsupportedFeature, match="precision and scale"):
        allow("SELECT billedcost::numeric FROM charges")


@pytest.mark.parametrize(
    ("statement", "error"),
    [
        ("", SqlParse),
        ("  ;; ", SqlParse),
        ("-- nothing", SqlParse),
        ("selec 1", SqlParse),
        ("SELECT 1; SELECT 2", SqlParse),
        ("SELECT 1 /* and", SqlParse),
        ("SELECT 'a\0b'", SqlParse),
        ("SELECT '\ud800'", SqlParse),
        ("SELECT $name", SqlParse),
        ("SELECT " + "(" * 3_000 + "1" + ")" * 3_000, SqlParse),
        ("SELECT " + "+".join(["1"] * 5_000), SqlParse),
        ("SELECT * FROM " + "(SELECT * FROM " * 3_000 + "charges" + ")" * 3_000, SqlParse),
        ("SELECT x" + ".a" * 5_000 + " FROM charges", SqlParse),
        ("SELECT " + "1," * 120_000 + "1", SqlParse),
        ("SELECT '" + "x" * 300_000 + "'", StatementTooLarge),
        ("FROM " + ", ".join(["charges"] * 200), SqlError),
        (" UNION ALL ".join(["SELECT 1"] * 5_000), SqlError),
        ("SELECT * FROM nosuch", RelationUnknown),
        ("SELECT nosuch(1)", UnsupportedFunction),
        ('CREATE TABLE "a.b" (id STRING)', InvalidName),
        ("CREATE TABLE duckdb_tables (id STRING)", InvalidName),
        ("CREATE TABLE costwire_x (id STRING)", InvalidName),
        ("CREATE TABLE sys.x (id STRING)", InvalidName),
    ],
    ids=lambda value: value[:30] if isinstance(value, str) else value.__name__,
)
def test_what_cannot_be_is_an_error_with_its_reason(
    allow: Allow, statement: str, error: type[SqlError]
) -> None:
    with pytest.raises(error):
        allow(statement)


@pytest.mark.parametrize(
    "name",
    [
        "arrow_scan",
        "current_setting",
        "damerau_levenshtein",
        "duckdb_tables",
        "format",
        "getenv",
        "getvariable",
        "glob",
        "json_execute_serialized_sql",
        "json_serialize_sql",
        "list_reduce",
        "list_resize",
        "list_transform",
        "nextval",
        "parquet_scan",
        "pragma_storage_info",
        "printf",
        "query",
        "query_table",
        "read_blob",
        "read_csv",
        "read_json",
        "read_parquet",
        "read_text",
        "repeat",
        "setval",
        "sleep_ms",
        "sniff_csv",
        "write_log",
    ],
)
def test_functions_that_reach_out_or_grow_are_not_on_the_list(name: str) -> None:
    assert name not in FUNCTIONS | RENAMED.keys()
    assert name not in TABLE_FUNCTIONS | SERIES


@pytest.mark.parametrize(
    "call",
    [
        "lpad('x', 1001)",
        "rpad('x', n)",
        "lpad('x', ?)",
        "range(200000)",
        "generate_series(1, n)",
        "range(1, 1000000000, 1)",
        "range(9223372036854775807)",
    ],
)
def test_functions_that_grow_with_their_argument_want_a_small_number(
    allow: Allow, call: str
) -> None:
    with pytest.raises(UnsupportedFunction):
        allow(f"SELECT {call}")
