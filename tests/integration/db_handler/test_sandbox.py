"""Statements of users on a real database: what they give, and where they stop."""

import threading
import time
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from costwire_db_handler.sql.errors import (
    ColumnUnknown,
    ConversionFailed,
    DuplicateKey,
    InvalidArgument,
    QueryTimedOut,
    RelationUnknown,
    ResultTooLarge,
    SqlError,
    UnsupportedFeature,
    UnsupportedFunction,
)
from costwire_db_handler.users import Role

SqlFace = Any

ENDLESS = (
    "SELECT count(*) FROM charges a, charges b, charges c "
    "WHERE a.billedcost + b.billedcost = c.billedcost"
)


def test_a_query_gives_names_types_and_exact_rows(sql_face: SqlFace) -> None:
    result = sql_face.run(
        "SELECT sum(BilledCost) AS total, count(*) FROM charges WHERE tags['a.b'] = ?", ["x"]
    )
    assert result.names == ["total", "count_star()"]
    assert result.types == ["DECIMAL(38,18)", "BIGINT"]
    assert result.batches[0].to_pylist()[0]["total"] == Decimal("200000000")
    assert result.rowcount == 1


@pytest.mark.parametrize("amount", ["1.5", 1.5, Decimal("1.5")])
def test_an_amount_is_found_however_its_argument_is_written(
    sql_face: SqlFace, amount: object
) -> None:
    assert sql_face.rows("SELECT 1 FROM charges WHERE billedcost = ?", [amount]) == [(1,)]


def test_milliseconds_find_instants(sql_face: SqlFace) -> None:
    query = "SELECT count(*) FROM charges WHERE chargeperiodstart < "
    assert sql_face.rows(query + "?", [1_725_152_400_000]) == [(28,)]
    assert sql_face.rows(query + "1725152400000") == [(28,)]
    assert sql_face.rows(query + "?", ["2024-09-01T01:00:00Z"]) == [(28,)]


def test_a_users_table_lives_from_its_making_to_its_end(sql_face: SqlFace) -> None:
    sql_face.run("CREATE TABLE doc.notes (id STRING PRIMARY KEY, o OBJECT, ts TIMESTAMP)")
    arguments = ["a", {"k": "v", "n": 1}, 1_725_148_800_000]
    assert sql_face.run("INSERT INTO notes VALUES (?, ?, ?)", arguments).rowcount == 1
    assert sql_face.rows("SELECT o['k'], o['n'], ts FROM doc.notes") == [
        ("v", "1", datetime(2024, 9, 1))  # noqa: DTZ001
    ]
    with pytest.raises(RelationUnknown):
        sql_face.rows("SELECT * FROM notes", user="eve")
    upsert = "INSERT INTO notes (id) VALUES ('a') ON CONFLICT (id) DO UPDATE SET o = excluded.o"
    assert sql_face.run(upsert).rowcount == 1
    assert sql_face.rows("UPDATE notes SET id = 'b' RETURNING id, o") == [("b", None)]
    assert sql_face.run("DELETE FROM notes").rowcount == 1
    sql_face.run("ALTER TABLE notes ADD COLUMN n LONG")
    assert sql_face.run("DROP TABLE notes").rowcount == 1
    with pytest.raises(RelationUnknown):
        sql_face.rows("SELECT * FROM notes")


def test_a_table_that_cannot_be_made_leaves_no_owner(sql_face: SqlFace) -> None:
    with pytest.raises(SqlError):
        sql_face.run("CREATE TABLE notes AS SELECT CAST(servicename AS INT) AS n FROM charges")
    sql_face.run("CREATE TABLE notes (id STRING)", user="eve")


def test_a_dropped_table_keeps_its_owner_when_the_drop_fails(sql_face: SqlFace) -> None:
    sql_face.connection.execute("CREATE VIEW main.depending AS SELECT * FROM main.mine")
    sql_face.connection.execute("DROP VIEW main.depending")
    sql_face.run("DROP TABLE mine")
    sql_face.run("CREATE TABLE mine (id STRING)", user="eve")
    with pytest.raises(RelationUnknown):
        sql_face.run("DROP TABLE mine")


def test_bulk_arguments_are_stored_together(sql_face: SqlFace) -> None:
    rows = [[f"k{i}", i] for i in range(600)]
    items = sql_face.run_bulk("INSERT INTO mine (id, n) VALUES (?, ?)", rows)
    assert [item.rowcount for item in items] == [1] * 600
    assert sql_face.rows("SELECT count(*), sum(n) FROM mine") == [(600, 179_700)]


def test_a_duplicate_fails_alone(sql_face: SqlFace) -> None:
    rows = [["a", 1], ["b", 2], ["a", 3], ["c", 4]]
    items = sql_face.run_bulk("INSERT INTO mine (id, n) VALUES (?, ?)", rows)
    assert [item.rowcount for item in items] == [1, 1, -2, 1]
    assert isinstance(items[2].error, DuplicateKey)
    assert sql_face.rows("SELECT n FROM mine ORDER BY n") == [(1,), (2,), (4,)]


def test_a_value_of_the_wrong_type_stores_nothing_of_the_batch(sql_face: SqlFace) -> None:
    with pytest.raises(ConversionFailed):
        sql_face.run_bulk("INSERT INTO mine (id, n) VALUES (?, ?)", [["a", 1], ["b", "x"]])
    assert sql_face.rows("SELECT count(*) FROM mine") == [(0,)]


def test_bulk_upserts_and_updates_count_what_they_change(sql_face: SqlFace) -> None:
    sql_face.run("INSERT INTO mine (id, n) VALUES ('a', 1)")
    upsert = "INSERT INTO mine (id, n) VALUES (?, ?) ON CONFLICT (id) DO UPDATE SET n = excluded.n"
    assert [i.rowcount for i in sql_face.run_bulk(upsert, [["a", 5], ["b", 6]])] == [1, 1]
    update = "UPDATE mine SET n = ? WHERE id = ?"
    assert [i.rowcount for i in sql_face.run_bulk(update, [[7, "a"], [8, "zz"]])] == [1, 0]
    assert sql_face.rows("SELECT n FROM mine ORDER BY id") == [(7,), (6,)]


def test_bulk_arguments_are_not_for_queries(sql_face: SqlFace) -> None:
    with pytest.raises(UnsupportedFeature):
        sql_face.run_bulk("SELECT ?", [[1], [2]])


def test_no_rows_in_bulk_are_no_error(sql_face: SqlFace) -> None:
    assert sql_face.run_bulk("INSERT INTO mine (id) VALUES (?)", []) == []


def test_a_query_ends_at_its_time(quick_sql_face: SqlFace) -> None:
    started = time.monotonic()
    with pytest.raises(QueryTimedOut, match=r"longer than 0\.5 seconds"):
        quick_sql_face.run(ENDLESS)
    assert time.monotonic() - started < 3
    assert quick_sql_face.rows("SELECT 1") == [(1,)]


def test_a_change_that_takes_too_long_changes_nothing(quick_sql_face: SqlFace) -> None:
    slow = (
        "INSERT INTO mine (id) SELECT a.billedcost || '-' || b.billedcost || '-' || c.billedcost "
        "FROM charges a, charges b, charges c"
    )
    with pytest.raises(SqlError):
        quick_sql_face.run(slow)
    assert quick_sql_face.rows("SELECT count(*) FROM mine") == [(0,)]


def test_a_result_has_a_largest_number_of_rows(quick_sql_face: SqlFace) -> None:
    assert quick_sql_face.run("SELECT 1 FROM charges LIMIT 1000").rowcount == 1_000
    with pytest.raises(ResultTooLarge, match="more than 1,000 rows"):
        quick_sql_face.run("SELECT 1 FROM charges LIMIT 1001")


def test_a_result_has_a_largest_size(quick_sql_face: SqlFace) -> None:
    long_text = (
        "SELECT lpad(servicename, 1000, 'x') || lpad(servicename, 1000, 'y') FROM charges LIMIT 999"
    )
    with pytest.raises(ResultTooLarge, match="more than 1 MiB"):
        quick_sql_face.run(long_text)


def test_a_slow_query_holds_up_nobody(sql_face: SqlFace) -> None:
    failures: list[BaseException] = []

    def run_slowly() -> None:
        try:
            sql_face.run(ENDLESS)
        except BaseException as error:
            failures.append(error)

    slow = threading.Thread(target=run_slowly)
    slow.start()
    time.sleep(0.2)
    started = time.monotonic()
    assert sql_face.rows("SELECT count(*) FROM charges") == [(20_000,)]
    sql_face.run("INSERT INTO mine (id) VALUES ('while it runs')")
    assert time.monotonic() - started < 2
    with sql_face.watchdog._changed:
        for watch in sql_face.watchdog._watches:
            watch.deadline = 0
    slow.join(timeout=10)
    assert not slow.is_alive()
    assert isinstance(failures[0], QueryTimedOut)


def test_two_that_change_one_row_both_get_through(sql_face: SqlFace) -> None:
    sql_face.run("INSERT INTO mine (id, n) VALUES ('a', 0)")

    def add() -> None:
        for _ in range(5):
            sql_face.run("UPDATE mine SET n = n + 1 WHERE id = 'a'")

    threads = [threading.Thread(target=add) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=20)
    assert sql_face.rows("SELECT n FROM mine") == [(10,)]


@pytest.mark.parametrize(
    ("statement", "arguments", "error", "words"),
    [
        ("SELECT nosuch FROM charges", [], ColumnUnknown, "Column nosuch unknown"),
        ("SELECT sum(servicename) FROM charges", [], UnsupportedFunction, r"sum\(VARCHAR\)"),
        ("SELECT CAST('x' AS INT)", [], ConversionFailed, "Could not convert string 'x'"),
        ("SELECT ?", [], InvalidArgument, "Values were not provided"),
        ("SELECT 1", [1], SqlError, "count mismatch"),
        ("INSERT INTO mine (id) VALUES (NULL)", [], SqlError, "NOT NULL"),
        ("SELECT error('by hand')", [], SqlError, "by hand"),
    ],
)
def test_what_the_engine_refuses_is_said_in_cratedbs_words(
    sql_face: SqlFace, statement: str, arguments: list[Any], error: type[SqlError], words: str
) -> None:
    with pytest.raises(error, match=words) as refused:
        sql_face.run(statement, arguments)
    assert 400 <= refused.value.status < 500
    assert str(sql_face.folder) not in refused.value.message
    assert "\n" not in refused.value.message


def test_readers_read_and_admins_see_all(sql_face: SqlFace) -> None:
    assert sql_face.rows("SELECT count(*) FROM charges", role=Role.READER) == [(20_000,)]
    assert sql_face.rows("SELECT * FROM hers", role=Role.ADMIN) == [("hers alone",)]
    names = sql_face.rows("SELECT table_name FROM information_schema.tables", user="eve")
    assert names == [("charges",), ("hers",)]
    columns = sql_face.rows(
        "SELECT column_name, data_type FROM information_schema.columns WHERE table_name = 'charges'"
    )
    assert ("billedcost", "numeric(38,18)") in columns
    assert ("tags", "object") in columns


def test_current_time_is_utc(sql_face: SqlFace) -> None:
    ((now,),) = sql_face.rows("SELECT CAST(current_timestamp AS TIMESTAMP)")
    assert abs((now.replace(tzinfo=UTC) - datetime.now(UTC)).total_seconds()) < 60


def test_registered_arrow_tables_are_readable_by_the_handler_itself(sql_face: SqlFace) -> None:
    import pyarrow as pa

    with sql_face.connection.cursor() as cursor:
        cursor.register("part", pa.table({"a": [1, 2]}))
        assert cursor.execute("SELECT sum(a) FROM part").fetchone() == (3,)
