"""CrateDB's definitions of tables in the engine's words, and the names of types."""

import pytest

from costwire_db_handler.sql.definitions import Definition, Reader
from costwire_db_handler.sql.dialect import crate_type, type_id
from costwire_db_handler.sql.errors import SqlError, SqlParse, UnsupportedFeature
from costwire_db_handler.sql.tokens import fold, literal, quote, quoted_names, tokens


def created(statement: str) -> Definition:
    return Reader(statement, tokens(statement), lambda text: text.strip()).create_table()


@pytest.mark.parametrize(
    ("crate", "engine"),
    [
        ("STRING", "VARCHAR"),
        ("text", "VARCHAR"),
        ("VARCHAR(20)", "VARCHAR"),
        ("character varying(3)", "VARCHAR"),
        ("INT", "INTEGER"),
        ("LONG", "BIGINT"),
        ("SHORT", "SMALLINT"),
        ("BYTE", "TINYINT"),
        ("DOUBLE PRECISION", "DOUBLE"),
        ("DOUBLE", "DOUBLE"),
        ("REAL", "FLOAT"),
        ("NUMERIC(38, 18)", "DECIMAL(38,18)"),
        ("NUMERIC(10)", "DECIMAL(10,0)"),
        ("TIMESTAMP", "TIMESTAMP"),
        ("TIMESTAMP WITH TIME ZONE", "TIMESTAMP WITH TIME ZONE"),
        ("TIMESTAMP WITHOUT TIME ZONE", "TIMESTAMP"),
        ("TIMESTAMPTZ", "TIMESTAMP WITH TIME ZONE"),
        ("OBJECT", "MAP(VARCHAR, VARCHAR)"),
        ("OBJECT(DYNAMIC)", "MAP(VARCHAR, VARCHAR)"),
        ("OBJECT(STRICT) AS (a TEXT, b OBJECT AS (c INT))", "MAP(VARCHAR, VARCHAR)"),
        ("ARRAY(TEXT)", "VARCHAR[]"),
        ("ARRAY(ARRAY(INT))", "INTEGER[][]"),
        ("IP", "VARCHAR"),
        ("BOOLEAN", "BOOLEAN"),
    ],
)
def test_types_of_a_definition_are_the_engines(crate: str, engine: str) -> None:
    assert created(f"CREATE TABLE t (c {crate})").sql == f'CREATE TABLE main."t" ("c" {engine})'


def test_a_definition_is_written_anew() -> None:
    defined = created(
        """CREATE TABLE IF NOT EXISTS doc.Annotations ( -- by hand
            Id STRING PRIMARY KEY, "Note" TEXT NOT NULL INDEX USING FULLTEXT WITH (analyzer = 'x'),
            n INT DEFAULT 1 + (2) CHECK (n > 0) STORAGE WITH (columnstore = false),
            x TEXT INDEX OFF,
            CONSTRAINT k PRIMARY KEY (Id, "Note"), CHECK (n < 5)
        ) CLUSTERED BY (Id) INTO 4 SHARDS PARTITIONED BY (n) WITH (number_of_replicas = '0-1')"""
    )
    assert defined.lenient
    assert defined.table == "annotations"
    assert defined.sql == (
        'CREATE TABLE main."annotations" ("id" VARCHAR PRIMARY KEY, "Note" VARCHAR NOT NULL, '
        '"n" INTEGER DEFAULT (1 + (2)) CHECK (n > 0), "x" VARCHAR, '
        'PRIMARY KEY ("id", "Note"), CHECK (n < 5))'
    )


def test_a_tables_query_is_handed_on() -> None:
    defined = created("CREATE TABLE t AS SELECT 1 AS x")
    assert defined.sql == 'CREATE TABLE main."t" AS '
    assert defined.query == "SELECT 1 AS x"


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE TABLE t",
        "CREATE TABLE t ()",
        "CREATE TABLE t (c)",
        "CREATE TABLE t (c NOSUCH)",
        "CREATE TABLE t (c INT",
        "CREATE TABLE t (c INT GENERATED ALWAYS AS (1))",
        "CREATE TABLE t (c INT REFERENCES u)",
        "CREATE TABLE t (c NUMERIC(39, 2))",
        "CREATE TABLE t (c NUMERIC(3, 4))",
        "CREATE TABLE t (c NUMERIC(3, 2, 1))",
        "CREATE TABLE t (c INT); DROP TABLE u",
        "CREATE TABLE t (c INT) WITH (a) DROP TABLE u",
        "CREATE TABLE t (c INT) SELECT 1",
        'CREATE TABLE t ("a.b" INT)',
        "CREATE TABLE t ('c' INT)",
        "CREATE TABLE t (c INT DEFAULT 1 + (2)",
        "CREATE TABLE t (FOREIGN KEY (c) REFERENCES u (c))",
    ],
)
def test_a_definition_that_is_not_understood_is_refused(statement: str) -> None:
    with pytest.raises(SqlError):
        created(statement)


def test_numeric_without_precision_is_refused_as_cratedb_does() -> None:
    with pytest.raises(UnsupportedFeature, match="precision and scale"):
        created("CREATE TABLE t (c NUMERIC)")


def test_an_error_names_its_place() -> None:
    with pytest.raises(SqlParse, match="line 2:3: unexpected 'NOSUCH', expected a type"):
        created("CREATE TABLE t (c\n  NOSUCH)")


@pytest.mark.parametrize(
    ("engine", "number", "name"),
    [
        ("VARCHAR", 4, "text"),
        ("DECIMAL(38,18)", 22, "numeric(38,18)"),
        ("TIMESTAMP", 15, "timestamp without time zone"),
        ("TIMESTAMP WITH TIME ZONE", 11, "timestamp with time zone"),
        ("MAP(VARCHAR, VARCHAR)", 12, "object"),
        ("BIGINT", 10, "bigint"),
        ("HUGEINT", 10, "bigint"),
        ('"NULL"', 0, "undefined"),
        ("DOUBLE[]", [100, 6], "double precision_array"),
        ("INTEGER[][]", [100, [100, 9]], "integer_array_array"),
        ("STRUCT(a INTEGER[])", 12, "object"),
        ("ENUM('a')", 4, "text"),
    ],
)
def test_the_engines_types_have_cratedbs_numbers_and_names(
    engine: str, number: int, name: str
) -> None:
    assert type_id(engine) == number
    assert crate_type(engine) == name


def test_tokens_see_texts_names_and_comments() -> None:
    text = """a "B""c" 'it''s' E'x\\'y' $$z$$ 1.5e3 /* x /* y */ */ -- z
    é"""
    assert [(token.kind, token.text) for token in tokens(text)] == [
        ("word", "a"),
        ("quoted", '"B""c"'),
        ("text", "'it''s'"),
        ("text", "E'x\\'y'"),
        ("dollar", "$$z$$"),
        ("number", "1.5e3"),
        ("word", "é"),
    ]
    assert quoted_names(text) == {'B"c'}


def test_identifiers_and_texts_survive_quoting() -> None:
    assert tokens(quote('a"b'))[0].name == 'a"b'
    assert literal("it's") == "'it''s'"
    assert fold("ÄbC") == "Äbc"
