"""What a refusal says of itself."""

from __future__ import annotations

import re

import pytest

from costwire_aggregator.tokens.errors import (
    InsufficientRole,
    InvalidToken,
    KeysUnavailable,
    MalformedHeader,
    MissingToken,
    TokenError,
)


@pytest.mark.parametrize(
    ("kind", "error"),
    [
        (InvalidToken, "invalid_token"),
        (MalformedHeader, "invalid_request"),
        (InsufficientRole, "insufficient_scope"),
    ],
)
def test_who_sent_a_token_is_told_why_it_is_refused(kind: type[TokenError], error: str) -> None:
    told = kind("the token has expired")
    assert (str(told), told.reason, told.error) == (told.reason, "the token has expired", error)
    assert told.www_authenticate == (
        f'Bearer realm="costwire", error="{error}", error_description="the token has expired"'
    )


@pytest.mark.parametrize("kind", [MissingToken, KeysUnavailable])
def test_who_sent_none_or_cannot_be_judged_is_told_the_realm_alone(kind: type[TokenError]) -> None:
    assert (kind("why").www_authenticate, kind.error) == ('Bearer realm="costwire"', "")


def test_a_malformed_header_is_answered_as_an_invalid_token_is() -> None:
    assert issubclass(MalformedHeader, InvalidToken)
    assert re.fullmatch(r'[ !#-\[\]-~"]+', MalformedHeader("a, b").www_authenticate)
