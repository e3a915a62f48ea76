"""What the HTTP face answers where the use case fails."""

from __future__ import annotations

from costwire_aggregator.errors import UpstreamError, UpstreamsLate, UpstreamsSilent
from costwire_runtime.problems import AnswerTimedOut, Problem, Unavailable

_RETRY = {"Retry-After": "5"}


class UpstreamUnreachable(Unavailable):
    """No upstream can be reached."""

    slug = "upstreams-unreachable"
    title = "No upstream can be reached"


class UpstreamTimedOut(AnswerTimedOut):
    """No upstream answered in time."""

    slug = "upstreams-late"
    title = "No upstream answered in time"


class UpstreamFailed(Problem):
    """The upstreams answered with errors, or with nonsense."""

    status = 502
    slug = "upstreams-failed"
    title = "The upstreams cannot be used"


def problem_of_upstreams(error: UpstreamError) -> Problem:
    """The problem that an upstream's error is to a client."""
    detail = f"ask the upstreams: {error}"
    if isinstance(error, UpstreamsSilent):
        return UpstreamUnreachable(detail, headers=_RETRY)
    if isinstance(error, UpstreamsLate):
        return UpstreamTimedOut(detail, headers=_RETRY)
    return UpstreamFailed(detail)
