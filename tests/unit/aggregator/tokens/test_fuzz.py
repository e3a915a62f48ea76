"""A hundred thousand tokens that nobody signed: none is let in, none breaks the check."""

from __future__ import annotations

import asyncio
import base64
import json
import random
from collections import Counter
from collections.abc import Callable
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from tests.support.faults import RecordFault
from tests.unit.aggregator.tokens.signing import (
    CURVES,
    NOW,
    RSA_ALGORITHMS,
    PrivateKey,
    a_token,
    base64_of,
    certificate_of,
    der,
    ec_key,
    hs256,
    jwk_of,
    jwks_of,
    key_for,
    part,
    pem_of,
    rsa_key,
)

from costwire_aggregator.tokens.check import TokenCheck
from costwire_aggregator.tokens.claims import TokenRules
from costwire_aggregator.tokens.errors import TokenError
from costwire_aggregator.tokens.jwks import read_jwks
from costwire_aggregator.tokens.keys import StaticKeys

ACCEPTED = (*RSA_ALGORITHMS, *CURVES)
REFUSED = ("HS256", "HS384", "HS512", "none", "None", "NONE", "ES256K", "EdDSA", "RS1", "", "dir")
OURS: list[PrivateKey] = [rsa_key(), *map(ec_key, CURVES)]
VALID = [a_token(algorithm=algorithm, headers={"kid": "0"}) for algorithm in ACCEPTED]
ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
SECRETS = [
    *(pem_of(key).encode() for key in OURS),
    *(pem_of(key).strip().encode() for key in OURS),
    *(base64_of(key).encode() for key in OURS),
    *(der(key) for key in OURS),
    b"",
]
TOKENS = 100_000
CLAIMS = {"exp": NOW + 300}
ODD_VALUES: list[Any] = [None, True, 7, -1, 10**30, float("nan"), "", "x", [], ["x"], {}, {"a": 1}]


def changed(rng: random.Random) -> str:
    """A good token, with some of its characters changed, put in, taken out, or swapped."""
    token = [*rng.choice(VALID)]
    for _ in range(rng.randint(1, 4)):
        at, kind = rng.randrange(len(token)), rng.randrange(4)
        if kind == 0:
            token[at] = rng.choice(ALPHABET + ".=~+/")
        elif kind == 1:
            token.insert(at, rng.choice(ALPHABET + ".= \t,\x00\xff"))
        elif kind == 2:
            del token[at]
        else:
            other = rng.randrange(len(token))
            token[at], token[other] = token[other], token[at]
    return "".join(token)


def cut(rng: random.Random) -> str:
    token = rng.choice(VALID)
    return rng.choice([token[: rng.randrange(len(token))], token[rng.randrange(1, len(token)) :]])


def swapped(rng: random.Random) -> str:
    """Parts of two good tokens, or of one under another algorithm."""
    header, payload, signature = rng.choice(VALID).split(".")
    other = rng.choice(VALID).split(".")
    algorithm = rng.choice([*ACCEPTED, *REFUSED])
    return ".".join(
        rng.choice(
            [
                [part({"alg": algorithm, "kid": rng.choice(["0", "1"])}), payload, signature],
                [header, part({"exp": NOW + rng.randrange(10**6)}), signature],
                [header, payload, other[2][::-1]],
                [other[0], payload, part(rng.randbytes(rng.choice([0, 64, 96, 132, 256])))],
                [header, payload, part(bytes(rng.choice([64, 96, 132, 256])))],
                [header, payload, ""],
            ]
        )
    )


def confused(rng: random.Random) -> str:
    """Signed with a public key as if it were a secret."""
    header = {"alg": rng.choice(["HS256", *ACCEPTED]), "kid": rng.choice(["0", "x"])}
    return hs256(rng.choice(SECRETS), header, {**CLAIMS, "jti": str(rng.random())})


def brought_along(rng: random.Random) -> str:
    """Signed by a stranger, whose key the header brings or points to."""
    algorithm = rng.choice(["RS256", "PS256", "ES256"])
    stranger = STRANGERS[algorithm]
    headers: dict[str, Any] = {
        "kid": rng.choice(["0", "x", "../../dev/null", "0' OR '1'='1"]),
        "jwk": jwk_of(stranger, "0"),
        "x5c": [CERTIFICATES[algorithm]],
        "jku": "https://stranger.example/jwks",
        "x5u": "https://stranger.example/x5u",
    }
    kept = rng.sample([*headers], rng.randint(1, len(headers)))
    chosen = {name: headers[name] for name in kept}
    return a_token(stranger, algorithm, headers=chosen, jti=str(rng.random()))


def odd(rng: random.Random) -> str:
    """A header and a payload of odd members, signed by nobody."""
    header = {
        name: rng.choice([*ODD_VALUES, *ACCEPTED, *REFUSED])
        for name in rng.sample(["alg", "kid", "crit", "b64", "typ", "cty", "zip", "enc"], 4)
    }
    payload = {name: rng.choice(ODD_VALUES) for name in ("exp", "nbf", "iss", "aud")}
    if rng.random() < 0.7:
        header["alg"] = rng.choice(ACCEPTED)
    return f"{part(header)}.{part(payload)}.{part(rng.randbytes(256))}"


def garbage(rng: random.Random) -> str:
    kind = rng.randrange(5)
    if kind == 0:
        return rng.randbytes(rng.randrange(300)).decode("latin-1")
    if kind == 1:
        return ".".join(
            "".join(rng.choices(ALPHABET, k=rng.randrange(80))) for _ in range(rng.randrange(6))
        )
    if kind == 2:
        nested = rng.choice([b"[", b'{"alg":', b'{"alg":"RS256","a":[']) * rng.randrange(1, 600)
        return f"{part(nested)}.{part(nested)}.{part(b'x')}"
    if kind == 3:
        number = b'{"alg":"RS256","exp":' + b"9" * rng.randrange(1, 4000) + b"}"
        return f"{part(number)}.{part(b'{}')}.{part(b'x')}"
    text = json.dumps({"alg": "RS256"}).encode(rng.choice(["utf-16", "utf-32", "utf-8-sig"]))
    return f"{part(text)}.{part(text)}.{part(b'x' * 256)}"


def out_of_rule(rng: random.Random) -> str:
    """Signed as it should be, with claims that are not let in."""
    algorithm = rng.choice(["RS256", "ES256"])
    claim = rng.choice(["exp", "nbf", "iat"])
    value = rng.choice(
        [NOW - 3600 if claim == "exp" else NOW + 3600, float("inf"), "x", True, [], {}]
    )
    told: dict[str, Any] = {claim: value}
    return a_token(algorithm=algorithm, headers={"kid": "0"}, **told)


STRANGERS: dict[str, PrivateKey] = {
    "RS256": rsa_key("stranger"),
    "PS256": rsa_key("stranger"),
    "ES256": ec_key("ES256", "stranger"),
}
CERTIFICATES = {
    algorithm: base64.b64encode(certificate_of(key).public_bytes(Encoding.DER)).decode()
    for algorithm, key in STRANGERS.items()
}
# Signing costs more than all else, so the ways that sign are taken less often.
WAYS: dict[Callable[[random.Random], str], int] = {
    changed: 36,
    cut: 10,
    swapped: 22,
    confused: 10,
    odd: 10,
    garbage: 10,
    brought_along: 1,
    out_of_rule: 1,
}


def a_check_of_every_key() -> TokenCheck:
    """As of a JWK Set in which all keys have one `kid`, so that each that fits is tried."""
    keys = read_jwks(jwks_of(*(jwk_of(key, "0") for key in OURS))).keys
    return TokenCheck(StaticKeys(keys), TokenRules(), now=lambda: NOW)


async def outcome(check: TokenCheck, authorization: str) -> str:
    try:
        await check.check(authorization)
    except TokenError as error:
        return error.reason
    return "let in"


@pytest.mark.faults
def test_no_fuzzed_token_is_let_in(record_fault: RecordFault) -> None:
    check = a_check_of_every_key()
    rng = random.Random(8)  # noqa: S311  # the same tokens each time, up to the keys

    async def run() -> Counter[str]:
        told: Counter[str] = Counter()
        for way in rng.choices([*WAYS], [*WAYS.values()], k=TOKENS):
            token = way(rng)
            if token.strip(" ") not in VALID:  # a change may change nothing
                told[await outcome(check, f"Bearer {token}")] += 1
        return told

    told = asyncio.run(run())
    assert told["let in"] == 0
    assert len(told) >= 9, told  # the ways lead to all the reasons that there are
    assert told.total() > TOKENS * 0.99
    record_fault("fuzzed tokens", times=TOKENS, outcome="none let in", lost=0, doubled=0)


def test_the_good_ones_among_them_are_let_in() -> None:
    check = a_check_of_every_key()
    assert {asyncio.run(outcome(check, f"Bearer {token}")) for token in VALID} == {"let in"}
    assert {jwt.get_unverified_header(token)["alg"] for token in VALID} == {*ACCEPTED}
    assert all(key_for(algorithm) in OURS for algorithm in ACCEPTED)
