"""Of which month the bill is wanted."""

from __future__ import annotations

from datetime import UTC, datetime

from starlette.requests import Request

from costwire_aggregator.costs.errors import BadPeriod
from costwire_aggregator.costs.model import Period
from costwire_runtime.problems import BadRequest

_YES, _NO = ("1", "true"), ("", "0", "false")


def wanted_period(request: Request) -> Period | None:
    """That of `costs` and `period`; None where no costs are wanted. Raises: `BadRequest`."""
    costs, period = request.query_params.get("costs", ""), request.query_params.get("period")
    if costs not in (*_YES, *_NO):
        raise BadRequest(f"read costs: {costs!r} is neither 1 nor 0")
    if costs in _NO:
        if period is not None:
            raise BadRequest("read period: it is of costs, which are not asked for; add costs=1")
        return None
    return this_month() if period is None else read_period(period)


def read_period(text: str) -> Period:
    """A month. Raises: `BadRequest`."""
    try:
        return Period.read(text)
    except BadPeriod as error:
        raise BadRequest(str(error)) from error


def this_month() -> Period:
    """The month that it is, in UTC."""
    return Period.read(f"{datetime.now(UTC):%Y-%m}")
