"""The check that a request has to pass: header, signature, claims. Nothing of a token is told."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Sequence
from typing import Any

import jwt
from cryptography.exceptions import UnsupportedAlgorithm

from costwire_aggregator.tokens.claims import TokenRules, check_claims
from costwire_aggregator.tokens.errors import InvalidToken, MalformedHeader, MissingToken
from costwire_aggregator.tokens.keys import ALGORITHMS, MOST_KEYS, Keys, VerificationKey

_LONGEST_HEADER = 8192
_TOKEN68 = re.compile(r"[A-Za-z0-9._~+/-]+=*")
# No padding: with it, a token could be spelt in two ways.
_COMPACT = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*")
# Whatever PyJWT and what it stands on may raise at a stranger's bytes.
_UNREADABLE = (jwt.PyJWTError, UnsupportedAlgorithm, ValueError, TypeError, RecursionError)
# Claims are left to `check_claims`: PyJWT takes "1" and true for times, and goes by its own clock.
_DECODER = jwt.PyJWT(
    {
        "verify_exp": False,
        "verify_nbf": False,
        "verify_iat": False,
        "verify_aud": False,
        "verify_iss": False,
        "verify_sub": False,
        "verify_jti": False,
    }
)


class TokenCheck:
    """Lets a request in by its `Authorization` header."""

    def __init__(
        self, keys: Keys, rules: TokenRules, *, now: Callable[[], float] = time.time
    ) -> None:
        """`now` tells seconds since 1970."""
        self._keys = keys
        self._rules = rules
        self._now = now

    async def check(self, authorization: str | None) -> None:
        """Return where the header holds a token that is good here.

        Raises: `TokenError`, whatever the header holds.
        """
        token = bearer_token(authorization)
        kid, algorithm = _header(token)
        keys = await self._keys.find(kid, algorithm)
        check_claims(_verified(token, keys), self._rules, self._now())


def bearer_token(authorization: str | None) -> str:
    """The token of a header.

    Shape:  `Bearer`, in any case, one or more spaces, one token; at most 8 KiB.
    Raises: `MissingToken`, `MalformedHeader`.
    Source: RFC 6750, section 2.1; RFC 7235, section 2.1.
    """
    header = authorization or ""
    if len(header) > _LONGEST_HEADER:
        raise MalformedHeader("the Authorization header is longer than 8 KiB")
    scheme, _, token = header.strip(" \t").partition(" ")
    if scheme.lower() != "bearer":
        raise MissingToken("a bearer token is required")
    token = token.lstrip(" ")
    if not _TOKEN68.fullmatch(token):
        raise MalformedHeader("the Authorization header does not hold one token after Bearer")
    return token


def _header(token: str) -> tuple[str | None, str]:
    """The `kid` and the algorithm that a token names."""
    if not _COMPACT.fullmatch(token):
        raise InvalidToken("the token has not three parts of base64url")
    try:
        header: dict[str, Any] = jwt.get_unverified_header(token)
    except _UNREADABLE:
        raise InvalidToken("the token cannot be read") from None
    if "crit" in header:
        raise InvalidToken("the token has critical extensions, and none is known here")
    algorithm = header.get("alg")
    if not isinstance(algorithm, str) or algorithm not in ALGORITHMS:
        raise InvalidToken("the token is of an algorithm that is not accepted")
    return header.get("kid"), algorithm


def _verified(token: str, keys: Sequence[VerificationKey]) -> dict[str, Any]:
    """The claims of a token that one of the keys has signed."""
    if not keys:
        raise InvalidToken("the token is of a key or an algorithm that is not known here")
    for key in keys[:MOST_KEYS]:
        try:
            claims: dict[str, Any] = _DECODER.decode(token, key.public, [*key.algorithms])
        except jwt.InvalidSignatureError:
            continue
        except _UNREADABLE:  # without its cause, which may repeat what it could not read
            raise InvalidToken("the token cannot be read") from None
        return claims
    raise InvalidToken("the token's signature is wrong")
