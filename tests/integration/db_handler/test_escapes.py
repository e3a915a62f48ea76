"""What a statement might reach beyond its user's tables, tried as reader and as writer."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import duckdb
import pytest

from costwire_db_handler.allocator import VARIABLE
from costwire_db_handler.sql.checked import Kind
from costwire_db_handler.sql.errors import SqlError
from costwire_db_handler.users import Role

SqlFace = Any

FILES = """
SELECT * FROM read_csv('/etc/passwd')
SELECT * FROM read_text('/etc/passwd')
SELECT * FROM read_blob('/etc/*')
SELECT * FROM read_parquet('x.parquet')
SELECT * FROM read_json_auto('x.json')
SELECT * FROM sniff_csv('/etc/passwd')
SELECT * FROM glob('/*')
SELECT * FROM parquet_metadata('x')
SELECT * FROM '/etc/passwd'
SELECT * FROM 'x.csv' AS charges
SELECT * FROM "/etc/passwd"
FROM 'data.parquet'
FROM 'https://example.org/x.csv'
DESCRIBE 'x.csv'
SUMMARIZE 'x.csv'
SELECT '/etc/passwd'.read_text()
SELECT read_text('/etc/passwd')
SELECT "READ_TEXT"('/etc/passwd')
SELECT system.main.read_text('/etc/passwd')
SELECT * FROM "read_csv"('/etc/passwd')
SELECT * FROM charges, LATERAL read_csv(servicename)
SELECT (SELECT content FROM read_text('/etc/passwd'))
SELECT 1 LIMIT (SELECT count(*) FROM read_csv('/etc/passwd'))
SELECT count(*) FILTER (WHERE EXISTS (FROM read_csv('/etc/passwd')))
COPY charges TO '/tmp/out.csv'
COPY (SELECT 1) TO '/tmp/out.csv'
COPY mine FROM '/etc/passwd'
WITH x AS (COPY charges TO '/tmp/out.csv') SELECT 1
ATTACH '/tmp/other.db'
ATTACH ':memory:' AS other
DETACH charges
EXPORT DATABASE '/tmp/out'
IMPORT DATABASE '/tmp/out'
INSTALL httpfs
LOAD httpfs
FORCE INSTALL httpfs FROM community
CREATE SECRET s (TYPE s3)
SELECT * FROM which_secret('a', 's3')
SELECT * FROM arrow_scan(1, 2, 3)
SELECT * FROM pandas_scan(140000000)
SELECT * FROM python_map_function(1)
SELECT * FROM face
SELECT * FROM seq_scan('charges')
"""
SETTINGS = """
PRAGMA database_list
PRAGMA memory_limit='1TB'
PRAGMA show_tables
CALL pragma_version()
CALL pragma_storage_info('charges')
SET GLOBAL memory_limit = '1TB'
RESET memory_limit
RESET GLOBAL lock_configuration
USE memory
CHECKPOINT
FORCE CHECKPOINT
VACUUM
ANALYZE
SELECT current_setting('temp_directory')
SELECT getvariable('x')
SELECT getenv('PATH')
SELECT version()
SELECT * FROM duckdb_settings()
SELECT * FROM duckdb_settings
SELECT * FROM duckdb_secrets()
SELECT * FROM duckdb_logs()
SELECT * FROM duckdb_temporary_files()
SELECT write_log('x')
SELECT sleep_ms(60000)
SELECT pg_sleep(60)
SELECT setseed(0.5)
PREPARE p AS SELECT 1
EXECUTE p
DEALLOCATE p
ROLLBACK
SET VARIABLE x = 1; SELECT 1
SELECT 1; SET memory_limit = '1TB'
EXPLAIN DELETE FROM charges
EXPLAIN ANALYZE INSERT INTO mine (id) VALUES ('a')
EXPLAIN (FORMAT json) SELECT * FROM hers
"""
TABLES = """
SELECT * FROM hers
SELECT * FROM main.hers
SELECT * FROM doc.hers
SELECT * FROM "HERS"
TABLE hers
FROM hers
SUMMARIZE hers
DESCRIBE hers
SHOW hers
SELECT * FROM (SHOW TABLES)
SELECT * FROM (SHOW ALL TABLES)
SHOW ALL TABLES
SHOW DATABASES
SELECT * FROM charges POSITIONAL JOIN hers
SELECT * FROM charges WHERE servicename IN (SELECT secret FROM hers)
SELECT * FROM charges UNION ALL SELECT * FROM hers
SELECT (SELECT secret FROM hers)
SELECT * FROM (PIVOT hers ON secret IN ('a') USING count(*))
SELECT * FROM (UNPIVOT hers ON secret)
PIVOT hers ON secret
WITH x AS (SELECT * FROM hers) SELECT * FROM x
WITH hers AS (SELECT * FROM hers) SELECT * FROM hers
SELECT * FROM hers, (WITH hers AS (SELECT 1) SELECT * FROM hers)
SELECT * FROM hers AT (VERSION => 1)
SELECT /* FROM charges */ * FROM /* charges */ hers -- charges
SELECT * FROM\u00a0hers
SELECT * FROM charges ORDER BY (SELECT max(secret) FROM hers)
SELECT sum(billedcost) OVER (ORDER BY (SELECT max(secret) FROM hers)) FROM charges
SELECT * FROM costwire.users
SELECT * FROM "costwire"."users"
SELECT * FROM charges.costwire.users
SELECT * FROM CostWire.charges__current
SELECT * FROM users
SELECT * FROM query('SELECT * FROM costwire.users')
SELECT * FROM query_table('hers')
SELECT * FROM query_table(['hers', 'charges'])
SELECT * FROM pragma_storage_info('hers')
SELECT * FROM pragma_table_info('hers')
SELECT * FROM duckdb_tables()
SELECT * FROM duckdb_tables
SELECT * FROM duckdb_columns()
SELECT * FROM duckdb_views
SELECT * FROM sqlite_master
SELECT * FROM pg_catalog.pg_tables
SELECT * FROM pg_tables
SELECT * FROM information_schema.table_constraints
SELECT * FROM system.information_schema.tables
SELECT * FROM json_execute_serialized_sql('{}')
SELECT json_execute_serialized_sql(json_serialize_sql('SELECT 1'))
SELECT nextval('costwire.commits')
SELECT setval('costwire.commits', 1)
SELECT has_table_privilege('hers', 'select')
SELECT pg_get_viewdef(1)
SELECT * FROM histogram('hers', 'secret')
"""
WRITES = """
INSERT INTO charges (BilledCost) VALUES (1)
INSERT INTO main.charges SELECT * FROM charges
INSERT INTO costwire.users VALUES ('me', 'x')
INSERT INTO costwire."charges__current" (BilledCost) VALUES (1)
INSERT INTO hers VALUES ('x')
INSERT OR REPLACE INTO charges (BilledCost) VALUES (1)
UPDATE charges SET BilledCost = 0
UPDATE costwire.users SET password_hash = ''
UPDATE hers SET secret = ''
UPDATE mine SET id = secret FROM hers
UPDATE mine SET id = (SELECT secret FROM hers)
DELETE FROM charges
DELETE FROM costwire.users
DELETE FROM hers
DELETE FROM mine USING hers WHERE mine.id = hers.secret
TRUNCATE charges
TRUNCATE hers
MERGE INTO charges USING mine ON true WHEN MATCHED THEN DELETE
MERGE INTO mine USING charges ON true WHEN MATCHED THEN DELETE
INSERT INTO mine (id) SELECT secret FROM hers
INSERT INTO mine (id) SELECT content FROM read_text('/etc/passwd')
INSERT INTO mine (id) VALUES ((SELECT secret FROM hers))
INSERT INTO mine (id) VALUES ('a') RETURNING (SELECT secret FROM hers)
INSERT INTO mine (id) VALUES ('a') ON CONFLICT (id) DO UPDATE SET id = (SELECT secret FROM hers)
INSERT INTO mine (id) VALUES ('a') ON CONFLICT (id) DO UPDATE SET n = 1 WHERE EXISTS (FROM hers)
INSERT INTO mine (id) VALUES ('a')) SELECT * FROM costwire.users, (SELECT 1
INSERT INTO mine (id) VALUES ('a')), x AS (DELETE FROM charges) SELECT * FROM x -- (
DELETE FROM mine) SELECT * FROM hers --
WITH x AS (DELETE FROM charges RETURNING *) SELECT * FROM x
WITH x AS (INSERT INTO mine (id) VALUES ('a') RETURNING id) SELECT * FROM x
WITH x AS (UPDATE hers SET secret = '') SELECT 1
WITH x AS (SELECT * FROM hers) INSERT INTO mine (id) SELECT secret FROM x
WITH x AS (DELETE FROM hers RETURNING *) INSERT INTO mine (id) SELECT secret FROM x
DROP TABLE charges
DROP TABLE hers
DROP VIEW charges
DROP SCHEMA costwire CASCADE
DROP TABLE costwire.users
DROP SEQUENCE costwire.commits
DROP TABLE mine CASCADE
ALTER TABLE mine RENAME TO charges
ALTER TABLE hers ADD COLUMN x INT
ALTER TABLE mine ADD COLUMN x INT DEFAULT (SELECT 1)
ALTER VIEW charges RENAME TO x
CREATE TABLE x AS SELECT * FROM hers
CREATE TABLE x AS FROM 'x.csv'
CREATE TABLE x AS (DELETE FROM charges RETURNING *)
CREATE TABLE x (a INT DEFAULT (SELECT max(secret) FROM hers))
CREATE TABLE x (a INT DEFAULT nextval('costwire.commits'))
CREATE TABLE x (a INT DEFAULT (1)) AS SELECT 1
CREATE TABLE x (a INT DEFAULT 1) , y (a INT)
CREATE TABLE x (a INT CHECK (EXISTS (FROM hers)))
CREATE TABLE x (a INT CHECK (1) DEFAULT 1), (SELECT 1)
CREATE TABLE x (a INT DEFAULT 1 FROM hers)
CREATE TABLE x (a INT[100000])
CREATE TABLE costwire.x (a INT)
CREATE TABLE information_schema.x (a INT)
CREATE TABLE pg_tables (a INT)
CREATE OR REPLACE TABLE mine (a INT)
CREATE TEMP TABLE x (a INT)
CREATE VIEW x AS SELECT * FROM hers
CREATE OR REPLACE VIEW charges AS SELECT 1
CREATE MACRO lower(x) AS 'y'
CREATE FUNCTION f(x) AS TABLE SELECT * FROM hers
CREATE SCHEMA x
CREATE SEQUENCE x
CREATE TYPE x AS ENUM ('a')
CREATE INDEX i ON mine (n)
CREATE TRIGGER t AFTER INSERT ON mine EXECUTE SELECT 1
COMMENT ON TABLE mine IS 'x'
SELECT 1 INTO x
"""
GROWTH = """
SELECT repeat('x', 1500000000)
SELECT lpad('x', 1500000000)
SELECT rpad(servicename, CAST(billedcost AS INT)) FROM charges
SELECT format('{:1000000000}', 1)
SELECT printf('%1000000000d', 1)
SELECT bar(1, 0, 1, 1000000000)
SELECT to_base(1, 2, 1000000000)
SELECT * FROM range(100000000000)
SELECT range(0, CAST(billedcost AS INT)) FROM charges
SELECT * FROM repeat('x', 1000000000)
SELECT * FROM repeat_row('x', num_rows = 1000000000)
SELECT list_resize([1], 1000000000)
SELECT NULL::INT[100000][100000]
SELECT list_transform([1, 2], x -> x || x)
SELECT list_reduce([1, 2], lambda x, y: x + y)
SELECT [x || x FOR x IN ['a']]
SELECT COLUMNS(lambda c: c LIKE 'B%') FROM charges
SELECT levenshtein(servicename, servicename) FROM charges
SELECT * FROM test_all_types()
SELECT reservoir_quantile(billedcost, 0.5, 1000000000) FROM charges
"""


def cases(*groups: str) -> list[str]:
    return [line for group in groups for line in group.strip().splitlines()]


@pytest.mark.parametrize("role", [Role.READER, Role.WRITER])
@pytest.mark.parametrize("statement", cases(FILES, SETTINGS, TABLES, WRITES, GROWTH))
def test_an_escape_is_refused(lasting_sql_face: SqlFace, statement: str, role: Role) -> None:
    with pytest.raises(SqlError) as refused:
        lasting_sql_face.run(statement, role=role)
    assert 400 <= refused.value.status < 500
    assert "hers alone" not in refused.value.message


@pytest.mark.parametrize("statement", cases(FILES, SETTINGS, TABLES, GROWTH))
def test_admins_get_no_further_than_users_tables(lasting_sql_face: SqlFace, statement: str) -> None:
    try:
        checked = lasting_sql_face.checked(statement, role=Role.ADMIN, user="root")
    except SqlError:
        return
    assert checked.kind is Kind.SELECT
    assert "hers" in statement.lower()


def test_nothing_was_changed_by_all_of_that(lasting_sql_face: SqlFace) -> None:
    count = lasting_sql_face.connection.execute
    assert count("SELECT count(*) FROM charges").fetchone() == (20_000,)
    assert count("SELECT count(*) FROM costwire.users").fetchone() == (1,)
    assert count("SELECT secret FROM hers").fetchall() == [("hers alone",)]
    assert count("SELECT count(*) FROM mine").fetchone() == (0,)


def test_a_setting_that_is_accepted_has_no_effect(lasting_sql_face: SqlFace) -> None:
    before = setting(lasting_sql_face, "memory_limit")
    lasting_sql_face.run("SET memory_limit = '1TB'")
    lasting_sql_face.run("SET SESSION enable_external_access = true")
    assert setting(lasting_sql_face, "memory_limit") == before
    assert setting(lasting_sql_face, "enable_external_access") == "false"


def setting(face: SqlFace, name: str) -> str:
    row = face.connection.execute(
        "SELECT value FROM duckdb_settings() WHERE name = ?", [name]
    ).fetchone()
    return str(row[0])


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT * FROM read_text('/etc/hostname')",
        "SELECT * FROM '/etc/passwd'",
        "COPY charges TO 'out.csv'",
        "ATTACH 'other.db'",
        "INSTALL httpfs",
        "LOAD httpfs",
        "EXPORT DATABASE 'out'",
        "SET GLOBAL memory_limit = '1TB'",
        "SET enable_external_access = true",
        "RESET lock_configuration",
        "SELECT * FROM local_table",
    ],
)
def test_the_engines_own_locks_hold_behind_the_guard(
    lasting_sql_face: SqlFace, statement: str
) -> None:
    local_table = duckdb.connect().sql("SELECT 1 AS a").to_arrow_table()
    assert local_table.num_rows == 1
    with lasting_sql_face.connection.cursor() as cursor, pytest.raises(duckdb.Error):
        cursor.execute(statement).fetchall()


def test_a_query_runs_where_nothing_can_be_written(lasting_sql_face: SqlFace) -> None:
    query = lasting_sql_face.checked("SELECT 1")
    smuggled = type(query)(**{**vars(query), "sql": "INSERT INTO mine (id) VALUES ('a')"})
    with lasting_sql_face.connection.cursor() as cursor, pytest.raises(SqlError):
        lasting_sql_face.sandbox.run(cursor, smuggled)


REPLACED = HEXED = "servicename"
for _ in range(4):
    REPLACED = f"replace({REPLACED}, 'e', '{'e' * 500}')"
for _ in range(40):
    HEXED = f"hex({HEXED})"
DOUBLED = ", ".join(f"c{i} AS (FROM c{i - 1} SELECT s || s || s || s AS s)" for i in range(1, 30))
CROSSED = ", ".join(f"c{i} AS (FROM c{i - 1} a, c{i - 1} b)" for i in range(1, 15))

# What stands in capitals and brackets is put in its place below.
BOMBS_WRITTEN_SHORT = {
    "replace": "SELECT length([REPLACED]) FROM charges",
    "hex": "SELECT length([HEXED]) FROM charges",
    "concat": "WITH c0 AS (FROM charges SELECT servicename s), [DOUBLED] FROM c29 SELECT length(s)",
    "recursion that doubles": """WITH RECURSIVE t(s) AS (SELECT 'x' UNION ALL SELECT s || s FROM t)
        SELECT max(length(s)) FROM t""",
    "recursion without end": """WITH RECURSIVE t(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM t)
        SELECT count(*) FROM t""",
    "recursion that grows": """WITH RECURSIVE
        t(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM t, charges) SELECT count(*) FROM t""",
    "cross join": """SELECT count(*) FROM charges a, charges b, charges c
        WHERE a.billedcost + b.billedcost < c.billedcost""",
    "ctes of ctes": "WITH c0 AS (FROM charges), [CROSSED] SELECT count(*) FROM c14",
    "list": "SELECT array_agg(a.servicename || b.servicename) FROM charges a, charges b, charges c",
    "string_agg": "SELECT string_agg(a.servicename, '') FROM charges a, charges b",
    "histogram": "SELECT histogram(a.billedcost * 20000 + b.billedcost) FROM charges a, charges b",
    "group by": """SELECT a.billedcost, b.billedcost, count(*) FROM charges a, charges b, charges c
        GROUP BY 1, 2""",
    "distinct": """SELECT count(DISTINCT a.servicename || b.billedcost || c.billedcost)
        FROM charges a, charges b, charges c""",
    "sort": """SELECT * FROM charges a, charges b
        ORDER BY a.billedcost + b.billedcost DESC, a.servicename""",
    "window": """SELECT array_agg(a.servicename) OVER (ORDER BY a.billedcost)
        FROM charges a, charges b""",
    "series": "SELECT generate_series(1, 100000) AS s, s || s || s || s || s FROM charges",
    "hash join": """SELECT count(*) FROM (FROM charges a, charges b) x
        JOIN (FROM charges c, charges d) y ON x.servicename = y.servicename""",
    "regexp": """SELECT length(regexp_replace(s, 'e', '[LONG]', 'g'))
        FROM (SELECT string_agg(servicename, '') AS s FROM charges)""",
}
PARTS = {"REPLACED": REPLACED, "HEXED": HEXED, "DOUBLED": DOUBLED, "CROSSED": CROSSED}
PARTS["LONG"] = "e" * 30_000
BOMBS = {
    name: re.sub(r"\[([A-Z]+)\]", lambda part: PARTS[part[1]], bomb)
    for name, bomb in BOMBS_WRITTEN_SHORT.items()
}


def test_bombs_are_stopped_and_the_process_stays_small_and_alive(tmp_path: Path) -> None:
    child = Path(__file__).with_name("bomb_process.py")
    finished = subprocess.run(
        [sys.executable, str(child), str(tmp_path)],
        input=json.dumps(BOMBS),
        capture_output=True,
        text=True,
        env={name: value for name, value in os.environ.items() if name != VARIABLE},
        timeout=240,
        check=False,
    )
    assert finished.returncode == 0, finished.stderr[-2_000:]
    report = json.loads(finished.stdout)
    assert report["outcomes"].keys() == BOMBS.keys()
    for name, outcome in report["outcomes"].items():
        assert outcome["status"] in {400, 500}, (name, outcome)
        assert "SQLException" not in outcome["message"], (name, outcome)
        assert outcome["seconds"] < 15, (name, outcome)
    assert report["alive"] == [[20_000]]
    assert report["peak_mib"] < 512, report
