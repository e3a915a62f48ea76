"""Of a JWK Set the keys that verify signatures are taken; the others are counted."""

from __future__ import annotations

import json
from typing import Any

import jwt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.aggregator.tokens.signing import (
    CURVES,
    RSA_ALGORITHMS,
    certificate_of,
    ec_key,
    jwk_of,
    jwks_of,
    rsa_key,
)

from costwire_aggregator.tokens.errors import BadJwks
from costwire_aggregator.tokens.jwks import KeySet, read_jwks
from costwire_aggregator.tokens.keys import VerificationKey

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=5,
)
MEMBERS = ("kty", "use", "key_ops", "alg", "kid", "n", "e", "crv", "x", "y", "d", "k")


def test_keys_are_read_with_their_kid_and_algorithm() -> None:
    found = read_jwks(
        jwks_of(
            jwk_of(rsa_key(), "a", use="sig", alg="RS256"),
            jwk_of(rsa_key(), "b", key_ops=["verify"]),
            jwk_of(ec_key("ES384")),
        )
    )
    assert found == KeySet(
        (
            VerificationKey(rsa_key().public_key(), frozenset({"RS256"}), "a"),
            VerificationKey(rsa_key().public_key(), frozenset(RSA_ALGORITHMS), "b"),
            VerificationKey(ec_key("ES384").public_key(), frozenset({"ES384"}), None),
        )
    )


@pytest.mark.parametrize("algorithm", CURVES)
def test_each_curve_is_read(algorithm: str) -> None:
    (key,) = read_jwks(jwks_of(jwk_of(ec_key(algorithm)))).keys
    assert key.public == ec_key(algorithm).public_key()
    assert key.algorithms == {algorithm}


def test_of_a_private_key_the_public_one_is_taken() -> None:
    private = jwt.algorithms.RSAAlgorithm.to_jwk(rsa_key(), as_dict=True)
    (key,) = read_jwks(jwks_of({**private, "key_ops": ["sign", "verify"]})).keys
    assert key.public == rsa_key().public_key()


UNUSABLE: dict[str, Any] = {
    "for encryption": jwk_of(rsa_key(), use="enc"),
    "to sign with": jwk_of(rsa_key(), key_ops=["sign"]),
    "key_ops of another shape": jwk_of(rsa_key(), key_ops="verify"),
    "short": jwk_of(rsa_key(bits=1024)),
    "secret": {"kty": "oct", "k": "c2VjcmV0", "alg": "HS256"},
    "secret without itself": {"kty": "oct"},
    "Ed25519": {"kty": "OKP", "crv": "Ed25519", "x": "A" * 43},
    "of no algorithm": jwk_of(rsa_key(), alg="none"),
    "of an algorithm with a secret": jwk_of(rsa_key(), alg="HS256"),
    "of the algorithm of another type": jwk_of(rsa_key(), alg="ES256"),
    "of the algorithm of another curve": jwk_of(ec_key(), alg="ES512"),
    "on another curve": {**jwk_of(ec_key()), "crv": "secp256k1"},
    "off its curve": {**jwk_of(ec_key()), "y": jwk_of(ec_key())["x"]},
    "without a part": {"kty": "RSA", "e": "AQAB"},
    "a number for a part": {"kty": "RSA", "e": "AQAB", "n": 7},
    "no base64": {"kty": "RSA", "e": "AQAB", "n": "\u00e4"},
    "an even exponent": jwk_of(rsa_key(), e="Ag"),
    "certificate alone": {"kty": "RSA", "x5c": [str(certificate_of(rsa_key()).serial_number)]},
    "kid of another type": jwk_of(rsa_key(), kid=None) | {"kid": 7},
    "alg of another type": jwk_of(rsa_key(), alg=["RS256"]),
    "kty of another type": {**jwk_of(rsa_key()), "kty": ["RSA"]},
    "no object": 7,
}


@pytest.mark.parametrize("jwk", UNUSABLE.values(), ids=UNUSABLE)
def test_a_key_that_cannot_be_used_is_counted_and_left_out(jwk: Any) -> None:
    found = read_jwks(jwks_of(jwk, jwk_of(rsa_key(), "good")))
    assert ([key.kid for key in found.keys], found.unusable) == (["good"], 1)


def test_keys_past_the_hundredth_are_counted_and_left_out() -> None:
    keys = [jwk_of(ec_key(), str(at)) for at in range(103)]
    found = read_jwks(jwks_of({"kty": "oct"}, *keys))
    assert ([key.kid for key in found.keys], found.unusable) == ([*map(str, range(100))], 4)


@pytest.mark.parametrize(
    "body", [b"", b"<html>", b"[]", b"{}", b'{"keys": {}}', b'{"keys": null}', b"[" * 100_000]
)
def test_what_is_no_set_is_refused(body: bytes) -> None:
    with pytest.raises(BadJwks, match="what arrived"):
        read_jwks(body)


def test_a_set_can_be_empty() -> None:
    assert read_jwks(b'{"keys": []}') == KeySet()


@given(
    st.lists(
        st.dictionaries(
            st.sampled_from(MEMBERS),
            JSON | st.sampled_from(["RSA", "EC", "P-256", "AQAB", "A" * 43, "RS256", "sig"]),
        ),
        max_size=4,
    )
)
def test_no_set_breaks_off(keys: list[dict[str, Any]]) -> None:
    found = read_jwks(json.dumps({"keys": keys}).encode())
    assert len(found.keys) + found.unusable == len(keys)
