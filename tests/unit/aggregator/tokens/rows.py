"""Requests of every kind: what the original answers to each, and what ours does."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests.unit.aggregator.tokens.signing import (
    NOW,
    a_token,
    base64_of,
    ec_key,
    hs256,
    part,
    pem_of,
    rsa_key,
)

from costwire_aggregator.tokens.errors import (
    InvalidToken,
    MalformedHeader,
    MissingToken,
    TokenError,
)

RS256 = {"alg": "RS256"}
CLAIMS = {"exp": NOW + 300}

NO_TOKEN = (MissingToken, "a bearer token is required")
ONE_TOKEN = (MalformedHeader, "the Authorization header does not hold one token after Bearer")
PARTS = (InvalidToken, "the token has not three parts of base64url")
UNREADABLE = (InvalidToken, "the token cannot be read")
ALGORITHM = (InvalidToken, "the token is of an algorithm that is not accepted")
UNKNOWN_KEY = (InvalidToken, "the token is of a key or an algorithm that is not known here")
SIGNATURE = (InvalidToken, "the token's signature is wrong")
NO_EXPIRY = (InvalidToken, "the token has no expiry")
EXPIRED = (InvalidToken, "the token has expired")
NO_NUMBER = (InvalidToken, "a time in the token is no number")
FUTURE = (InvalidToken, "the token was issued in the future")
EARLY = (InvalidToken, "the token is not valid yet")
LONG = (MalformedHeader, "the Authorization header is longer than 8 KiB")
LET_IN = None

Ours = tuple[type[TokenError], str] | None


@dataclass(frozen=True)
class Row:
    """A request with the issuer's key as `KEY`: the original's status and text, and our answer."""

    name: str
    header: Callable[[], str | None]
    old: tuple[int, str]
    ours: Ours


def bearer(token: str) -> str:
    return f"Bearer {token}"


def unsigned(header: bytes | dict[str, Any], payload: bytes | dict[str, Any] = CLAIMS) -> str:
    return f"Bearer {part(header)}.{part(payload)}.{part(bytes(256))}"


OK = (200, "")
SEGMENTS = (500, "token contains an invalid number of segments")
ROWS = [
    Row("good", lambda: bearer(a_token()), OK, LET_IN),
    Row("RS384", lambda: bearer(a_token(algorithm="RS384")), OK, LET_IN),
    Row("RS512", lambda: bearer(a_token(algorithm="RS512")), OK, LET_IN),
    Row("kid of no key", lambda: bearer(a_token(headers={"kid": "x"})), OK, LET_IN),
    Row("long", lambda: bearer(a_token(pad="x" * 8192)), OK, LONG),
    Row(
        "critical", lambda: bearer(a_token(headers={"crit": ["b64"], "b64": True})), OK, UNREADABLE
    ),
    Row("no header", lambda: None, (401, "not authorized"), NO_TOKEN),
    Row("empty header", lambda: "", (401, "not authorized"), NO_TOKEN),
    Row("no scheme", a_token, (401, "not authorized"), NO_TOKEN),
    Row("other scheme", lambda: "Basic dTpw", (401, "not authorized"), NO_TOKEN),
    Row("bearer", lambda: f"bearer {a_token()}", (401, "not authorized"), LET_IN),
    Row("fooBearer", lambda: f"fooBearer{a_token()}", OK, NO_TOKEN),
    Row("no space", lambda: f"Bearer{a_token()}", OK, NO_TOKEN),
    Row("second Bearer", lambda: f"Bearer {a_token()} Bearer x", OK, ONE_TOKEN),
    Row("empty token", lambda: "Bearer ", SEGMENTS, ONE_TOKEN),
    Row("two parts", lambda: bearer(a_token().rpartition(".")[0]), SEGMENTS, PARTS),
    Row("four parts", lambda: bearer(f"{a_token()}.x"), SEGMENTS, PARTS),
    Row("header no base64", lambda: "Bearer a.e30.AAAA", (500, "decoder's text"), UNREADABLE),
    Row("header no JSON", lambda: unsigned(b"{"), (500, "decoder's text"), UNREADABLE),
    Row("header no object", lambda: unsigned(b"[7]"), (500, "decoder's text"), UNREADABLE),
    Row(
        "payload no base64",
        lambda: f"Bearer {part(RS256)}.a.AAAA",
        (500, "decoder's text"),
        UNREADABLE,
    ),
    Row("payload no JSON", lambda: unsigned(RS256, b"{"), (500, "decoder's text"), SIGNATURE),
    Row("PS256", lambda: bearer(a_token(algorithm="PS256")), (500, "unexpected signing"), LET_IN),
    Row(
        "ES256",
        lambda: bearer(a_token(algorithm="ES256")),
        (500, "unexpected signing method"),
        UNKNOWN_KEY,
    ),
    Row(
        "HS256 with the public key",
        lambda: bearer(hs256(pem_of(rsa_key()).encode(), {"alg": "HS256"}, CLAIMS)),
        (500, "unexpected signing method"),
        ALGORITHM,
    ),
    Row("none", lambda: unsigned({"alg": "none"}), (500, "unexpected signing method"), ALGORITHM),
    Row("unknown alg", lambda: unsigned({"alg": "RS1"}), (500, "is unavailable"), ALGORITHM),
    Row("no alg", lambda: unsigned({"typ": "JWT"}), (500, "is unspecified"), ALGORITHM),
    Row("no claims", lambda: bearer(a_token(exp=None, iat=None)), OK, NO_EXPIRY),
    Row("expired", lambda: bearer(a_token(exp=NOW - 31)), (500, "Token is expired"), EXPIRED),
    Row(
        "expired within the leeway",
        lambda: bearer(a_token(exp=NOW - 29)),
        (500, "Token is expired"),
        LET_IN,
    ),
    Row("exp a text", lambda: bearer(a_token(exp="9e9")), (500, "Token is expired"), NO_NUMBER),
    Row(
        "issued in the future",
        lambda: bearer(a_token(iat=NOW + 36_000)),
        (500, "Token used before issued"),
        FUTURE,
    ),
    Row("early", lambda: bearer(a_token(nbf=NOW + 36_000)), (500, "Token is not valid yet"), EARLY),
    Row(
        "signed by another",
        lambda: bearer(a_token(rsa_key("other"))),
        (500, "crypto/rsa: verification error"),
        SIGNATURE,
    ),
    Row(
        "signed by another and expired",
        lambda: bearer(a_token(rsa_key("other"), exp=NOW - 31)),
        (500, "crypto/rsa: verification error"),
        SIGNATURE,
    ),
]

KEY_ROWS: dict[str, tuple[str, tuple[int, str], str | None]] = {
    "not base64": ("public-key", (500, "illegal base64 data"), "is no base64"),
    "no key": ("AAAA", (500, "decoder's text"), "is neither a public key nor a certificate"),
    "EC": (base64_of(ec_key()), (500, "unexpected key type *rsa.PublicKey"), None),
    "PEM": (pem_of(rsa_key()), (500, "illegal base64 data"), None),
    "lines": ("\n".join(base64_of(rsa_key())), (200, ""), None),
}
