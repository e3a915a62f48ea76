"""Failures on the wire: one tree of problems, one shape (RFC 9457 problem+json)."""

import errno
import http
import json
from collections.abc import Mapping
from typing import Any, ClassVar

from starlette.exceptions import HTTPException
from starlette.requests import HTTPConnection, Request
from starlette.responses import Response

MEDIA_TYPE = "application/problem+json"
_LACKS = {
    errno.ENOSPC: "the service's disk is full; whoever runs it has to free some",
    errno.EDQUOT: "the service's disk quota is used up; whoever runs it has to free some",
    errno.EROFS: "the service's folder cannot be written; whoever runs it has to mount it so",
    errno.EMFILE: "the service has too many files open; come again in a while",
    errno.ENFILE: "the service's machine has too many files open; come again in a while",
}
TYPE_PREFIX = "urn:costwire:problem:"


class Problem(Exception):
    """What a service answers when it can't do what it was asked; extensions are told as given."""

    status: ClassVar[int] = 500
    slug: ClassVar[str] = "internal"
    title: ClassVar[str] = "The service has met a fault of its own"

    def __init__(
        self, detail: str, *, headers: Mapping[str, str] | None = None, **extensions: Any
    ) -> None:
        super().__init__(detail)
        self.detail = detail
        self.headers = dict(headers or {})
        self.extensions = extensions


class BadRequest(Problem):
    """The request can't be read."""

    status = 400
    slug = "bad-request"
    title = "The request can't be read"


class Unauthorized(Problem):
    """No credentials came with the request, or wrong ones."""

    status = 401
    slug = "unauthorized"
    title = "Sign in"

    def __init__(
        self, detail: str, *, headers: Mapping[str, str] | None = None, **extensions: Any
    ) -> None:
        challenge = {"WWW-Authenticate": 'Basic realm="costwire", charset="UTF-8"'}
        super().__init__(detail, headers={**challenge, **(headers or {})}, **extensions)


class Forbidden(Problem):
    """The credentials are right, their rights too small."""

    status = 403
    slug = "forbidden"
    title = "Not allowed"


class NotFound(Problem):
    """The thing named doesn't exist."""

    status = 404
    slug = "not-found"
    title = "Not found"


class MethodNotAllowed(Problem):
    """The path exists, the method doesn't."""

    status = 405
    slug = "method-not-allowed"
    title = "Method not allowed"


class NotAcceptable(Problem):
    """The request accepts no form in which answers are told."""

    status = 406
    slug = "not-acceptable"
    title = "Answers are not told in such a form"


class RequestTimedOut(Problem):
    """The request's body came too slowly."""

    status = 408
    slug = "request-timed-out"
    title = "The request took too long to arrive"


class Conflict(Problem):
    """The thing is in a state that doesn't allow this."""

    status = 409
    slug = "conflict"
    title = "Conflict"


class TooLarge(Problem):
    """The request's body is larger than the limit."""

    status = 413
    slug = "too-large"
    title = "The request is too large"


class UrlTooLong(Problem):
    """The request's path and query are longer than the limit."""

    status = 414
    slug = "url-too-long"
    title = "The URL is too long"


class HeadersTooLarge(Problem):
    """The request has more headers than the limit, or longer ones."""

    status = 431
    slug = "headers-too-large"
    title = "The headers are too large"


class Unprocessable(Problem):
    """The request can be read, its content can't be taken."""

    status = 422
    slug = "unprocessable"
    title = "The content can't be taken"


class Unavailable(Problem):
    """The service can't do it now; later it may."""

    status = 503
    slug = "unavailable"
    title = "Not available now"


class AnswerTimedOut(Problem):
    """The work took longer than the service allows."""

    status = 504
    slug = "answer-timed-out"
    title = "The answer took too long"


def problem_response(connection: HTTPConnection, problem: Problem) -> Response:
    """The problem as an answer to this request."""
    return Response(
        problem_body(problem, instance=connection.scope["path"]),
        status_code=problem.status,
        headers=problem.headers,
        media_type=MEDIA_TYPE,
    )


def problem_body(problem: Problem, *, instance: str) -> bytes:
    """The problem as JSON."""
    body = {
        **problem.extensions,
        "type": f"{TYPE_PREFIX}{problem.slug}",
        "title": problem.title,
        "status": problem.status,
        "detail": problem.detail,
        "instance": instance,
    }
    text = json.dumps(body, default=str, ensure_ascii=False)
    return text.encode("utf-8", "backslashreplace")  # of a lone surrogate, JSON's own escape


async def answer_problem(request: Request, error: Exception) -> Response:
    """Starlette's handler of `Problem`."""
    if not isinstance(error, Problem):
        raise error
    return problem_response(request, error)


async def answer_http_exception(request: Request, error: Exception) -> Response:
    """Starlette's handler of its own exceptions: no such path, no such method."""
    if not isinstance(error, HTTPException):
        raise error
    if error.status_code in {204, 304}:
        return Response(status_code=error.status_code, headers=error.headers)
    return problem_response(request, _from_http_exception(request, error))


def problem_of(error: BaseException) -> Problem:
    """What a caller is told of an unexpected exception: what the machine lacks, or no internals."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, OSError) and (lack := _LACKS.get(cause.errno or 0)):
            return Unavailable(f"answer the request: {lack}", headers={"Retry-After": "30"})
        cause = cause.__cause__ or cause.__context__
    return internal_problem()


def internal_problem() -> Problem:
    """What a caller is told of an unexpected exception: nothing of its internals."""
    return Problem("answer the request: an unexpected fault; the service's log tells more")


def _from_http_exception(request: Request, error: HTTPException) -> Problem:
    path = request.url.path
    if error.status_code == NotFound.status:
        return NotFound(f"find {path}: the service has no such path", headers=error.headers)
    if error.status_code == MethodNotAllowed.status:
        methods = ", ".join(sorted((error.headers or {}).get("Allow", "").split(", ")))
        return MethodNotAllowed(
            f"{request.method} {path}: this path takes {methods}", headers={"Allow": methods}
        )
    phrase = http.HTTPStatus(error.status_code).phrase
    kind = type(
        "HttpProblem",
        (Problem,),
        {
            "status": error.status_code,
            "slug": phrase.lower().replace(" ", "-").replace("'", ""),
            "title": phrase,
        },
    )
    problem: Problem = kind(error.detail, headers=error.headers)
    return problem
