"""Errors as statuses of gRPC."""

from __future__ import annotations

from typing import NamedTuple

from grpc import StatusCode

from costwire_aggregator.errors import UpstreamError, UpstreamsLate
from costwire_aggregator.tokens.errors import (
    InsufficientRole,
    InvalidToken,
    KeysUnavailable,
    MissingToken,
    TokenError,
)

_LONGEST_TEXT = 500
"""Characters. It travels in a header, of which clients take 8 KiB; each may become 12 bytes."""
_STATUSES: dict[type[Exception], StatusCode] = {
    MissingToken: StatusCode.UNAUTHENTICATED,
    InvalidToken: StatusCode.UNAUTHENTICATED,
    InsufficientRole: StatusCode.PERMISSION_DENIED,
    KeysUnavailable: StatusCode.UNAVAILABLE,
    TokenError: StatusCode.UNAUTHENTICATED,
    UpstreamsLate: StatusCode.DEADLINE_EXCEEDED,
    UpstreamError: StatusCode.UNAVAILABLE,
}
"""By what an error is, the narrower first."""


class Refusal(NamedTuple):
    """Why a call gets no answer."""

    status: StatusCode
    text: str


BROKEN = Refusal(StatusCode.INTERNAL, "the aggregator broke on this call; its log says why")


def refusal_of(error: Exception) -> Refusal | None:
    """What a client is told of an error; None for one that nobody foresaw."""
    for kind, status in _STATUSES.items():
        if isinstance(error, kind):
            text = error.reason if isinstance(error, TokenError) else str(error)
            return Refusal(status, text[:_LONGEST_TEXT])
    return None
