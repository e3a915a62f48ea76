"""What clients are told of errors."""

from __future__ import annotations

import pytest
from grpc import StatusCode

from costwire_aggregator.errors import (
    UpstreamError,
    UpstreamsBroken,
    UpstreamsLate,
    UpstreamsSilent,
)
from costwire_aggregator.grpc.refusals import refusal_of
from costwire_aggregator.tokens.errors import (
    InsufficientRole,
    InvalidToken,
    KeysUnavailable,
    MalformedHeader,
    MissingToken,
    TokenError,
)


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        (UpstreamError, StatusCode.UNAVAILABLE),
        (UpstreamsSilent, StatusCode.UNAVAILABLE),
        (UpstreamsBroken, StatusCode.UNAVAILABLE),
        (UpstreamsLate, StatusCode.DEADLINE_EXCEEDED),
        (TokenError, StatusCode.UNAUTHENTICATED),
        (MissingToken, StatusCode.UNAUTHENTICATED),
        (InvalidToken, StatusCode.UNAUTHENTICATED),
        (MalformedHeader, StatusCode.UNAUTHENTICATED),
        (InsufficientRole, StatusCode.PERMISSION_DENIED),
        (KeysUnavailable, StatusCode.UNAVAILABLE),
    ],
)
def test_error_has_its_status_and_its_own_words(kind: type[Exception], status: StatusCode) -> None:
    assert refusal_of(kind("what is wrong")) == (status, "what is wrong")


def test_error_that_nobody_foresaw_is_no_refusal() -> None:
    assert refusal_of(ValueError("internals")) is None


def test_long_text_is_cut_to_what_a_header_holds() -> None:
    refusal = refusal_of(UpstreamsSilent("\N{SNOWMAN}" * 5000))
    assert refusal is not None
    assert len(refusal.text.encode()) * 3 < 8192
