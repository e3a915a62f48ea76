"""The `crate` client, unchanged, against the protocol over a real socket."""

import socket
import threading
import time
from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from typing import Any

import pytest
import uvicorn
from crate import client
from crate.client.exceptions import ConnectionError as CrateConnectionError
from crate.client.exceptions import IntegrityError, ProgrammingError
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from costwire_db_handler.sql.errors import SqlError
from costwire_db_handler.sql.protocol import (
    CONTENT_TYPE,
    encode_bulk,
    encode_error,
    encode_result,
    read_request,
    version_body,
)

SqlFace = Any


def an_app(face: SqlFace) -> Starlette:
    async def version(request: Request) -> Response:
        return Response(version_body(), media_type=CONTENT_TYPE)

    async def sql(request: Request) -> Response:
        body = await request.body()
        encoding = request.headers.get("content-encoding")
        try:
            return await run_in_threadpool(answer, body, encoding, "types" in request.query_params)
        except SqlError as error:
            return Response(encode_error(error), error.status, media_type=CONTENT_TYPE)

    def answer(body: bytes, encoding: str | None, with_types: bool) -> Response:
        asked = read_request(body, content_encoding=encoding)
        if asked.bulk_arguments is not None:
            items = face.run_bulk(asked.statement, asked.bulk_arguments)
            return Response(encode_bulk(items, milliseconds=1), media_type=CONTENT_TYPE)
        checked = face.checked(asked.statement)
        result = face.run(asked.statement, asked.arguments)
        pieces = encode_result(result, checked, with_types=with_types, milliseconds=1)
        return StreamingResponse(pieces, media_type=CONTENT_TYPE)

    return Starlette(routes=[Route("/", version), Route("/_sql", sql, methods=["POST"])])


@pytest.fixture
def address(sql_face: SqlFace) -> Iterator[str]:
    listening = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(an_app(sql_face), log_level="error", ws="none")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, args=([listening],), daemon=True)
    thread.start()
    until = time.monotonic() + 10
    while not server.started and time.monotonic() < until:
        time.sleep(0.01)
    yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    server.should_exit = True
    thread.join(timeout=10)
    listening.close()


@pytest.fixture
def cursor(address: str) -> Iterator[Any]:
    connection = client.connect(address, username="ann")
    cursor = connection.cursor()
    yield cursor
    cursor.close()
    connection.close()


def test_a_query_gives_names_and_rows(cursor: Any) -> None:
    cursor.execute(
        'SELECT BilledCost, ServiceName AS "Service", ChargePeriodStart, Tags FROM doc.charges '
        "WHERE tags['team'] = ? ORDER BY billedcost LIMIT 1",
        ["t1"],
    )
    assert [column[0] for column in cursor.description] == [
        "billedcost",
        "Service",
        "chargeperiodstart",
        "tags",
    ]
    assert cursor.fetchall() == [[1.5, "service 1", 1_725_152_400_000, {"team": "t1", "a.b": "x"}]]
    assert cursor.rowcount == 1


def test_exact_amounts_are_asked_for_as_text(cursor: Any) -> None:
    cursor.execute("SELECT CAST('123456789012.123456789012345678' AS DECIMAL(38,18))::text")
    assert cursor.fetchone() == ["123456789012.123456789012345678"]


def test_python_values_arrive_as_what_they_are(cursor: Any) -> None:
    cursor.execute("CREATE TABLE t (d NUMERIC(38,18), ts TIMESTAMP, o OBJECT, n DOUBLE, b BOOLEAN)")
    at = datetime(2024, 9, 1, 12)  # noqa: DTZ001
    values = [Decimal("1.000000000000000001"), at, {"k": {"x": 1}}, 0.1, True]
    cursor.execute("INSERT INTO t VALUES (?, ?, ?, ?, ?)", values)
    assert cursor.rowcount == 1
    cursor.execute("SELECT d::text, ts, o, n, b FROM t WHERE ts = ?", [at])
    assert cursor.fetchone() == [
        "1.000000000000000001",
        1_725_192_000_000,
        {"k": '{"x":1}'},
        0.1,
        True,
    ]


def test_named_arguments_work(cursor: Any) -> None:
    cursor.execute("SELECT count(*) FROM charges WHERE billedcost < %(most)s", {"most": 10})
    assert cursor.fetchone() == [10]


def test_many_rows_travel_gzipped_and_are_stored(cursor: Any) -> None:
    rows = [[f"key {i}", i] for i in range(2_000)]
    results = cursor.executemany("INSERT INTO mine (id, n) VALUES (?, ?)", rows)
    assert [result["rowcount"] for result in results] == [1] * 2_000
    cursor.execute("REFRESH TABLE mine")
    cursor.execute("SELECT count(*), sum(n) FROM mine")
    assert cursor.fetchone() == [2_000, 1_999_000]


def test_a_duplicate_among_many_is_told(cursor: Any) -> None:
    results = cursor.executemany("INSERT INTO mine (id) VALUES (?)", [["a"], ["a"], ["b"]])
    assert [result["rowcount"] for result in results] == [1, -2, 1]
    assert results[1]["error"]["code"] == 4091


def test_a_single_duplicate_is_an_integrity_error(cursor: Any) -> None:
    cursor.execute("INSERT INTO mine (id) VALUES ('a')")
    with pytest.raises(IntegrityError, match="DuplicateKeyException"):
        cursor.execute("INSERT INTO mine (id) VALUES ('a')")


@pytest.mark.parametrize(
    ("statement", "words"),
    [
        ("SELEC 1", "SQLParseException"),
        ("SELECT * FROM nosuch", "RelationUnknown"),
        ("SELECT nosuch FROM charges", "ColumnUnknownException"),
        ("DELETE FROM charges", "OperationOnInaccessibleRelationException"),
    ],
)
def test_errors_are_those_of_cratedb(cursor: Any, statement: str, words: str) -> None:
    with pytest.raises(ProgrammingError, match=words):
        cursor.execute(statement)


def test_a_large_result_arrives_whole(cursor: Any) -> None:
    cursor.execute("SELECT billedcost, servicename, tags FROM charges")
    rows = cursor.fetchall()
    assert len(rows) == 20_000
    assert rows[-1][0] == 19_999.5


def test_the_clients_time_out_is_honoured(address: str) -> None:
    connection = client.connect(address, timeout=0.3)
    cursor = connection.cursor()
    with pytest.raises(CrateConnectionError):
        cursor.execute(
            "SELECT count(*) FROM charges a, charges b, charges c "
            "WHERE a.billedcost + b.billedcost = c.billedcost"
        )
    connection.close()


def test_a_hungry_statement_is_not_sent_twice(cursor: Any, sql_face: SqlFace) -> None:
    with pytest.raises(ProgrammingError, match="CircuitBreakingException"):
        cursor.execute("SELECT array_agg(a.servicename || b.servicename) FROM charges a, charges b")
    cursor.execute("SELECT 1")
    assert cursor.fetchone() == [1]
