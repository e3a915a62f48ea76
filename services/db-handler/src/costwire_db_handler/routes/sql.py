"""`POST /_sql` and `GET /`, as CrateDB answers them."""

from __future__ import annotations

import logging
import time

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import BaseRoute, Route

from costwire_db_handler.access import signed_in
from costwire_db_handler.handler import handler_of
from costwire_db_handler.sql.checked import Outcome
from costwire_db_handler.sql.errors import EngineFailed, SqlError, StatementTooLarge
from costwire_db_handler.sql.protocol import (
    CONTENT_TYPE,
    MAX_BODY_BYTES,
    encode_bulk,
    encode_error,
    encode_result,
    read_request,
    version_body,
)
from costwire_db_handler.users import User
from costwire_runtime.bodies import read_body
from costwire_runtime.problems import TooLarge

_logger = logging.getLogger(__name__)


def sql_routes() -> list[BaseRoute]:
    """The query endpoint, and the version by which clients know what they talk to."""
    return [
        Route("/", version, methods=["GET"]),
        Route("/_sql", query, methods=["POST"]),
    ]


async def version(_request: Request) -> Response:
    """CrateDB's version document; clients ask for it before they sign in."""
    return Response(version_body(), media_type=CONTENT_TYPE)


async def query(request: Request) -> Response:
    """Run a statement with the rights of the user whose credentials came with it."""
    user = await signed_in(request)
    if user is None:
        return PlainTextResponse(
            "sign in with a user and its password\n",
            status_code=401,
            headers={"WWW-Authenticate": 'Basic realm="CrateDB Authenticator"'},
        )
    started = time.perf_counter()
    try:
        body = await read_body(request, MAX_BODY_BYTES)
        outcome = await run_in_threadpool(_run, request, user, body)
    except TooLarge:
        return _failed(StatementTooLarge(f"a request may have {MAX_BODY_BYTES:,} bytes"))
    except SqlError as error:
        return _failed(error)
    except Exception:
        _logger.exception("a statement of a user was not run")
        return _failed(EngineFailed("the statement was not run; the handler's log says why"))
    return _answer(request, outcome, (time.perf_counter() - started) * 1000)


def _run(request: Request, user: User, body: bytes) -> Outcome:
    given = read_request(body, content_encoding=request.headers.get("Content-Encoding"))
    return handler_of(request).store.run_sql(user, given)


def _answer(request: Request, outcome: Outcome, milliseconds: float) -> Response:
    if outcome.result is None:
        body = encode_bulk(outcome.items, milliseconds=milliseconds)
        return Response(body, media_type=CONTENT_TYPE)
    pieces = encode_result(
        outcome.result,
        outcome.checked,
        with_types="types" in request.query_params,
        milliseconds=milliseconds,
    )
    return StreamingResponse(pieces, media_type=CONTENT_TYPE)


def _failed(error: SqlError) -> Response:
    return Response(encode_error(error), status_code=error.status, media_type=CONTENT_TYPE)
