"""The tree of problems: distinct, complete, safe to write."""

import errno
import json
import os
from collections.abc import Iterator

import pytest
from starlette.requests import HTTPConnection

from costwire_runtime import problems
from costwire_runtime.problems import (
    Conflict,
    Problem,
    Unauthorized,
    internal_problem,
    problem_of,
    problem_response,
)


def _own_tree() -> Iterator[type[Problem]]:
    for kind in vars(problems).values():
        if isinstance(kind, type) and issubclass(kind, Problem):
            yield kind


def test_each_kind_has_its_own_status_and_slug() -> None:
    kinds = list(_own_tree())
    assert len({kind.slug for kind in kinds}) == len({kind.status for kind in kinds}) == len(kinds)
    assert all(kind.title and kind.__doc__ for kind in kinds)


def test_extensions_cannot_displace_the_members() -> None:
    problem = Conflict("commit 7: not open", type="x", status=200, line=3)
    body = json.loads(bytes(problem_response(_connection(), problem).body))
    assert body == {
        "type": "urn:costwire:problem:conflict",
        "title": "Conflict",
        "status": 409,
        "detail": "commit 7: not open",
        "instance": "/deliveries/7",
        "line": 3,
    }


def test_unauthorized_carries_its_challenge() -> None:
    headers = problem_response(_connection(), Unauthorized("sign in")).headers
    assert headers["WWW-Authenticate"].startswith('Basic realm="costwire"')


@pytest.mark.parametrize("detail", ["größer", "raw \udc80 byte", 'quote " and \n'])
def test_any_text_can_be_told(detail: str) -> None:
    body = problem_response(_connection(), Conflict(detail)).body
    assert json.loads(bytes(body))["detail"] == detail


def _connection() -> HTTPConnection:
    return HTTPConnection({"type": "http", "path": "/deliveries/7", "headers": []})


@pytest.mark.parametrize(
    ("number", "said"),
    [
        (errno.ENOSPC, "disk is full"),
        (errno.EDQUOT, "quota is used up"),
        (errno.EROFS, "cannot be written"),
        (errno.EMFILE, "too many files open"),
    ],
)
def test_lack_of_the_machine_is_told_as_what_it_is_and_may_be_tried_again(
    number: int, said: str
) -> None:
    fault = RuntimeError("somewhere deep")
    fault.__cause__ = OSError(number, os.strerror(number))
    problem = problem_of(fault)
    assert (problem.status, said in problem.detail) == (503, True)
    assert problem.headers["Retry-After"] == "30"


@pytest.mark.parametrize("fault", [KeyError("secret"), OSError("bare"), OSError(errno.ENOENT, "x")])
def test_any_other_fault_tells_no_internals(fault: Exception) -> None:
    assert problem_of(fault).detail == internal_problem().detail
