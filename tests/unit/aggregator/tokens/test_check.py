"""Whose requests are let in: every row of what the original answers, and what ours does."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jwt.algorithms import RSAAlgorithm
from tests.unit.aggregator.tokens.rows import (
    ALGORITHM,
    CLAIMS,
    KEY_ROWS,
    PARTS,
    ROWS,
    RS256,
    SIGNATURE,
    UNKNOWN_KEY,
    UNREADABLE,
    Ours,
    Row,
    bearer,
)
from tests.unit.aggregator.tokens.signing import (
    CURVES,
    NOW,
    RSA_ALGORITHMS,
    PrivateKey,
    a_check,
    a_token,
    base64_of,
    der,
    ec_key,
    hs256,
    jwk_of,
    jwks_of,
    key_for,
    part,
    pem_of,
    refusal,
    rsa_key,
)

from costwire_aggregator.tokens.check import TokenCheck, bearer_token
from costwire_aggregator.tokens.claims import TokenRules
from costwire_aggregator.tokens.errors import (
    BadKey,
    InsufficientRole,
    InvalidToken,
    MalformedHeader,
    MissingToken,
)
from costwire_aggregator.tokens.jwks import read_jwks
from costwire_aggregator.tokens.keys import (
    MOST_KEYS,
    StaticKeys,
    VerificationKey,
    read_keys,
    verification_key,
)

PAGE = Path(__file__).parents[4] / "docs" / "aggregator-tokens.md"


@pytest.mark.parametrize("row", ROWS, ids=[row.name for row in ROWS])
def test_each_row_of_the_original_has_an_answer(row: Row) -> None:
    told = refusal(a_check(), row.header())
    assert (told and (type(told), told.reason)) == row.ours


@pytest.mark.parametrize(("text", "old", "ours"), KEY_ROWS.values(), ids=KEY_ROWS)
def test_each_row_of_keys_has_an_answer_at_the_start(
    text: str, old: tuple[int, str], ours: str | None
) -> None:
    if ours is None:
        check = TokenCheck(StaticKeys(read_keys(text)), TokenRules(), now=lambda: NOW)
        algorithm = "ES256" if text == base64_of(ec_key()) else "RS256"
        assert refusal(check, bearer(a_token(algorithm=algorithm))) is None
    else:
        with pytest.raises(BadKey, match=ours):
            read_keys(text)


def test_the_page_tells_each_answer_of_the_original_and_of_ours() -> None:
    page = PAGE.read_text()
    told = [text for row in ROWS for text in (row.old[1], row.ours[1] if row.ours else "")]
    told += [text for _, old, ours in KEY_ROWS.values() for text in (old[1], ours or "")]
    assert [text for text in told if text not in page] == []


@pytest.mark.parametrize("algorithm", [*RSA_ALGORITHMS, *CURVES])
def test_each_algorithm_is_taken_with_its_key_alone(algorithm: str) -> None:
    token = bearer(a_token(algorithm=algorithm))
    everyone: list[PrivateKey] = [rsa_key(), *map(ec_key, CURVES)]
    assert refusal(a_check(*everyone), token) is None
    others = [key for key in everyone if key is not key_for(algorithm)]
    told = refusal(a_check(*others), token)
    assert told is not None
    assert (type(told), told.reason) == UNKNOWN_KEY


def test_a_token_may_be_signed_with_any_of_several_keys() -> None:
    check = a_check(rsa_key("a"), ec_key(), rsa_key("b"))
    assert refusal(check, bearer(a_token(rsa_key("b")))) is None
    told = refusal(check, bearer(a_token(rsa_key("c"))))
    assert told is not None
    assert (type(told), told.reason) == SIGNATURE


def test_no_more_keys_are_tried_than_a_setting_may_hold() -> None:
    keys = [*read_jwks(jwks_of(*[jwk_of(rsa_key("other"))] * MOST_KEYS, jwk_of(rsa_key()))).keys]
    assert len(keys) == MOST_KEYS + 1
    for tried, is_let_in in ((keys, False), (keys[1:], True)):
        check = TokenCheck(StaticKeys(tried), TokenRules(), now=lambda: NOW)
        assert (refusal(check, bearer(a_token())) is None) is is_let_in


def test_a_key_that_is_bound_to_an_algorithm_verifies_no_other() -> None:
    key = verification_key(rsa_key().public_key(), algorithm="PS256")
    check = TokenCheck(StaticKeys([key]), TokenRules(), now=lambda: NOW)
    assert refusal(check, bearer(a_token(algorithm="PS256"))) is None
    assert refusal(check, bearer(a_token(algorithm="RS256"))) is not None


def test_a_key_verifies_no_other_algorithm_even_where_it_is_offered_for_it() -> None:
    key = verification_key(rsa_key().public_key(), algorithm="PS256")

    class Careless:
        async def find(self, kid: str | None, algorithm: str) -> list[VerificationKey]:
            return [key]

    check = TokenCheck(Careless(), TokenRules(), now=lambda: NOW)
    assert refusal(check, bearer(a_token(algorithm="PS256"))) is None
    assert refusal(check, bearer(a_token(algorithm="RS256"))) is not None


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        pytest.param({"crit": ["exp"], "exp": 1}, UNREADABLE, id="an extension"),
        pytest.param({"crit": []}, UNREADABLE, id="none"),
        pytest.param(
            {"crit": ["b64"], "b64": True},
            (InvalidToken, "the token has critical extensions, and none is known here"),
            id="the one that PyJWT knows",
        ),
        pytest.param({"b64": False}, UNREADABLE, id="b64 alone"),
        pytest.param({"kid": 7}, UNREADABLE, id="kid a number"),
        pytest.param({"alg": ["RS256"]}, ALGORITHM, id="alg a list"),
        pytest.param({"alg": {}}, ALGORITHM, id="alg an object"),
        pytest.param({"alg": "ES256K"}, ALGORITHM, id="another curve"),
        pytest.param({"alg": "EdDSA"}, ALGORITHM, id="Ed25519"),
        pytest.param({"alg": "rs256"}, ALGORITHM, id="alg in small letters"),
    ],
)
def test_headers_that_ask_for_more_are_refused(headers: dict[str, Any], expected: Ours) -> None:
    signed = f"{part({'alg': 'RS256', **headers})}.{part(CLAIMS)}"
    signature = a_signature(signed.encode())
    told = refusal(a_check(), f"Bearer {signed}.{part(signature)}")
    assert told is not None
    assert (type(told), told.reason) == expected


def a_signature(signed: bytes) -> bytes:
    return RSAAlgorithm(RSAAlgorithm.SHA256).sign(signed, rsa_key())


@pytest.mark.parametrize(
    "payload",
    [
        b"[]",
        b"7",
        b"{",
        b"\xff",
        b"",
        b"[" * 5000,
        b'{"a":' * 1000,
        b'{"exp":' + b"9" * 5000 + b"}",
    ],
    ids=["list", "number", "cut off", "no text", "empty", "deep", "deep object", "endless number"],
)
def test_a_signed_payload_that_is_no_object_is_refused(payload: bytes) -> None:
    signed = f"{part(RS256)}.{part(payload)}"
    told = refusal(a_check(), f"Bearer {signed}.{part(a_signature(signed.encode()))}")
    assert told is not None
    assert (type(told), told.reason) in (UNREADABLE, PARTS)


def test_a_token_has_one_spelling() -> None:
    token = a_token()
    assert refusal(a_check(), bearer(token)) is None
    for other in (f"{token}=", f"{token}==", f"{token}~", token.replace(".", "..", 1)):
        assert refusal(a_check(), bearer(other)) is not None


def test_rules_are_kept() -> None:
    check = a_check(issuers=("https://a",), audiences=("us",), roles=("reader",))
    good: dict[str, Any] = {"iss": "https://a", "aud": "us", "roles": ["reader"]}
    assert refusal(check, bearer(a_token(**good))) is None
    assert type(refusal(check, bearer(a_token(**{**good, "roles": []})))) is InsufficientRole
    for claim in ("iss", "aud"):
        assert type(refusal(check, bearer(a_token(**{**good, claim: "other"})))) is InvalidToken


def test_a_role_is_asked_of_good_tokens_alone() -> None:
    told = refusal(a_check(roles=("reader",)), bearer(a_token(rsa_key("other"))))
    assert type(told) is InvalidToken


@pytest.mark.parametrize(
    "header", ["Bearer a.b.c", "BEARER   a.b.c", "bEaReR a.b.c ", " \tBearer a.b.c\t"]
)
def test_the_scheme_is_of_any_case_and_space_around_is_nothing(header: str) -> None:
    assert bearer_token(header) == "a.b.c"


@pytest.mark.parametrize(
    "header",
    [
        *("Bearer", "Bearer  ", "Bearer a b", "Bearer a,b", "Bearer a, Bearer b", "Bearer a\tb"),
        *("Bearer \u017f", "Bearer \u212a", "Bearer a\n", "Bearer \x00", "Bearer =a"),
        'Bearer token="a"',
    ],
    ids=repr,
)
def test_what_is_not_one_token_is_malformed(header: str) -> None:
    with pytest.raises(MalformedHeader):
        bearer_token(header)


@pytest.mark.parametrize("header", ["", " ", "a.b.c", "Bearer\ta", "Bearer,a", "Token a.b.c"])
def test_other_schemes_are_no_token(header: str) -> None:
    with pytest.raises(MissingToken):
        bearer_token(header)


def test_a_header_has_8_kib_at_most() -> None:
    assert len(bearer_token("Bearer " + "a" * (8192 - 7))) == 8192 - 7
    with pytest.raises(MalformedHeader, match="longer than 8 KiB"):
        bearer_token("Bearer " + "a" * (8192 - 6))


@given(st.binary(max_size=200).map(lambda raw: raw.decode("latin-1")))
def test_no_header_breaks_off(text: str) -> None:
    for header in (text, f"Bearer {text}", f"Bearer {part(RS256)}.{text}.{text}"):
        assert refusal(a_check(), header) is not None


@pytest.mark.parametrize("row", [row for row in ROWS if row.ours], ids=lambda row: row.name)
def test_nothing_of_a_token_is_told(
    row: Row, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    header = row.header()
    told = refusal(a_check(), header)
    assert told is not None
    pieces = [piece for piece in (header or "").replace(".", " ").split() if len(piece) > 8]
    said = [told.reason, told.www_authenticate, repr(told), caplog.text, *capsys.readouterr()]
    assert [piece for piece in pieces for text in said if piece in text] == []
    assert (told.__cause__, told.__suppress_context__ or told.__context__ is None) == (None, True)


def test_the_clock_is_the_machines_unless_told() -> None:
    keys = StaticKeys([verification_key(rsa_key().public_key())])
    check = TokenCheck(keys, TokenRules())
    assert asyncio.run(check.check(bearer(a_token(exp=NOW + 10**9)))) is None
    with pytest.raises(InvalidToken, match="has expired"):
        asyncio.run(check.check(bearer(a_token(exp=1))))


def test_the_public_key_is_no_secret() -> None:
    secrets = [pem_of(rsa_key()).encode(), der(rsa_key()), base64_of(rsa_key()).encode()]
    for secret in secrets:
        for algorithm in ("HS256", "RS256"):
            told = refusal(a_check(), bearer(hs256(secret, {"alg": algorithm}, CLAIMS)))
            assert type(told) is InvalidToken
