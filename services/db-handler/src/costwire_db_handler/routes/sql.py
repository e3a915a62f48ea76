"""`POST /_sql` and `GET /`, as CrateDB answers them."""

from __future__ import annotations

import logging

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import BaseRoute, Route

from costwire_db_handler.access import signed_in
from costwire_db_handler.errors import TooManyFailures
from costwire_db_handler.handler import handler_of
from costwire_db_handler.sql.answers import SqlAnswer, SqlCall, failed
from costwire_db_handler.sql.errors import EngineFailed, SqlError, StatementTooLarge
from costwire_db_handler.sql.protocol import CONTENT_TYPE, MAX_BODY_BYTES, version_body
from costwire_db_handler.users import Caller
from costwire_runtime.bodies import read_body
from costwire_runtime.problems import Problem, TooLarge

_PASSED_ON = ("Default-Schema",)
"""Headers that change what a statement means."""
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
    try:
        caller = await signed_in(request)
        if caller is None:
            return PlainTextResponse(
                "sign in with a user and its password\n",
                status_code=401,
                headers={"WWW-Authenticate": 'Basic realm="CrateDB Authenticator"'},
            )
        body = await read_body(request, MAX_BODY_BYTES)
        answer = await run_in_threadpool(_run, request, caller, body)
    except TooManyFailures as pause:
        return PlainTextResponse(pause.detail + "\n", pause.status, headers=pause.headers)
    except TooLarge:
        answer = failed(StatementTooLarge(f"a request may have {MAX_BODY_BYTES:,} bytes"))
    except SqlError as error:
        answer = failed(error)
    except Problem as problem:  # of the sign-in: the database does not answer
        answer = failed(EngineFailed(problem.detail))
    except Exception:
        _logger.exception("a statement of a user was not run")
        answer = failed(EngineFailed("the statement was not run; the handler's log says why"))
    return StreamingResponse(
        answer.pieces,
        status_code=answer.status,
        media_type=answer.content_type,
        headers=dict(answer.headers),
    )


def _run(request: Request, caller: Caller, body: bytes) -> SqlAnswer:
    call = SqlCall(
        body,
        request.headers.get("Content-Encoding"),
        request.url.query,
        {name: request.headers[name] for name in _PASSED_ON if name in request.headers},
    )
    return handler_of(request).store.acting_for(caller).run_sql(call)
