"""`KEY` is read as the original takes it and as people paste it; what is no key is named."""

from __future__ import annotations

import asyncio
import base64
import textwrap
from contextlib import suppress

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from hypothesis import example, given
from hypothesis import strategies as st
from tests.support.fuzz import FUZZED, Mutation, mutated, mutations
from tests.unit.aggregator.tokens.signing import (
    CURVES,
    RSA_ALGORITHMS,
    PrivateKey,
    base64_of,
    certificate_of,
    der,
    ec_key,
    pem_of,
    rsa_key,
)

from costwire_aggregator.tokens.errors import BadKey
from costwire_aggregator.tokens.keys import (
    MOST_KEYS,
    StaticKeys,
    UnfitKey,
    VerificationKey,
    read_keys,
    verification_key,
)

RSA = rsa_key()
CERTIFICATE = certificate_of(RSA).public_bytes(Encoding.PEM).decode()
ED25519 = ed25519.Ed25519PrivateKey.generate().public_key()


def spki(public: ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey) -> str:
    raw = public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return base64.b64encode(raw).decode()


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(base64_of(RSA), id="base64"),
        pytest.param("\r\n".join(textwrap.wrap(base64_of(RSA), 64)), id="base64 in lines"),
        pytest.param(f"  {base64_of(RSA)},\n", id="base64 with white space and a last comma"),
        pytest.param(pem_of(RSA), id="PEM"),
        pytest.param(pem_of(RSA).replace("\n", " "), id="PEM whose lines became one"),
        pytest.param(CERTIFICATE, id="certificate, expired"),
        pytest.param(
            base64.b64encode(certificate_of(RSA).public_bytes(Encoding.DER)).decode(),
            id="base64 of a certificate",
        ),
    ],
)
def test_one_key_in_each_of_its_spellings(text: str) -> None:
    (key,) = read_keys(text)
    assert key == VerificationKey(RSA.public_key(), frozenset(RSA_ALGORITHMS))


@pytest.mark.parametrize(
    "between", [",", "\n", " , ", ",\n\n"], ids=["comma", "line", "spaces", "both"]
)
def test_several_keys_keep_their_order(between: str) -> None:
    several = [pem_of(RSA), pem_of(ec_key()), CERTIFICATE, pem_of(rsa_key("other"))]
    expected: list[PrivateKey] = [RSA, ec_key(), RSA, rsa_key("other")]
    read = read_keys(between.join(several))
    assert [key.public for key in read] == [key.public_key() for key in expected]


def test_base64_and_pem_can_stand_side_by_side() -> None:
    read = read_keys(f"{base64_of(RSA)},{pem_of(ec_key())}{base64_of(ec_key('ES384'))}")
    expected = (RSA, ec_key(), ec_key("ES384"))
    assert [key.public for key in read] == [key.public_key() for key in expected]


@pytest.mark.parametrize("algorithm", CURVES)
def test_a_key_on_a_curve_is_for_the_algorithm_of_that_curve(algorithm: str) -> None:
    (key,) = read_keys(base64_of(ec_key(algorithm)))
    assert key.algorithms == {algorithm}


PRIVATE = RSA.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


@pytest.mark.parametrize(
    ("text", "why"),
    [
        pytest.param("public-key", "key 1 of 1 is no base64", id="the chart's placeholder"),
        pytest.param(" \n,", "it holds 0 keys", id="nothing"),
        pytest.param(",".join([base64_of(RSA)] * 21), "it holds 21 keys", id="too many"),
        pytest.param(f"{base64_of(RSA)},x", "key 2 of 2 is no base64", id="the second one"),
        pytest.param(base64_of(RSA)[:-2], "is no base64", id="without padding"),
        pytest.param(base64_of(RSA)[:99] + "-" + base64_of(RSA)[99:], "is no base64", id="a dash"),
        pytest.param("schlüssel", "is no base64", id="other letters"),
        pytest.param("AAAA", "is neither a public key nor a certificate", id="no key"),
        pytest.param(
            base64_of(RSA)[:200], "is neither a public key nor a certificate", id="cut off"
        ),
        pytest.param(pem_of(RSA)[:-30], "is PEM without its begin or its end", id="PEM cut off"),
        pytest.param(PRIVATE, "is PEM of a PRIVATE KEY", id="private key"),
        pytest.param(
            base64_of(rsa_key(bits=1024)), "is an RSA key of 1024 bits", id="a short RSA key"
        ),
        pytest.param(
            spki(ec.generate_private_key(ec.SECP256K1()).public_key()),
            "is an EC key on secp256k1",
            id="another curve",
        ),
        pytest.param(spki(ED25519), "is neither an RSA nor an EC key", id="another type"),
    ],
)
def test_what_is_no_key_is_named_with_what_is_expected(text: str, why: str) -> None:
    with pytest.raises(BadKey, match=why) as told:
        read_keys(text)
    assert str(told.value).startswith("read KEY: ")
    assert "expected are public keys" in str(told.value)
    assert "BEGIN" not in str(told.value)
    assert all(line not in str(told.value) for line in text.split() if len(line) > 8)


def test_as_many_keys_as_are_tried_can_be_set() -> None:
    assert len(read_keys(",".join([base64_of(RSA)] * MOST_KEYS))) == MOST_KEYS


@given(st.text() | st.binary().map(lambda raw: base64.b64encode(raw).decode()))
def test_no_text_ends_otherwise(text: str) -> None:
    with pytest.raises(BadKey):
        read_keys(text)


DER = [der(RSA), der(ec_key()), certificate_of(RSA).public_bytes(Encoding.DER)]


@pytest.mark.filterwarnings("ignore:Parsed a serial number")
@FUZZED
@example(DER[2].replace(b"\xa0\x03\x02\x01\x02", b"\xa0\x03\x02\x01\x06"), [])
@given(st.sampled_from(DER), mutations(b"\x00", b"\xff", b"\x06"))
def test_damaged_keys_are_bad_keys_or_others(raw: bytes, changes: list[Mutation]) -> None:
    with suppress(BadKey):
        assert len(read_keys(base64.b64encode(mutated(raw, changes)).decode())) == 1


def test_an_algorithm_binds_a_key_and_must_be_of_its_type() -> None:
    assert verification_key(RSA.public_key(), algorithm="PS384").algorithms == {"PS384"}
    wrong: list[tuple[PrivateKey, str]] = [
        (RSA, "ES256"),
        (RSA, "none"),
        (ec_key(), "ES384"),
        (ec_key(), "RS256"),
    ]
    for key, algorithm in wrong:
        with pytest.raises(UnfitKey, match="not of the type"):
            verification_key(key.public_key(), algorithm=algorithm)
    with pytest.raises(UnfitKey, match="neither"):
        verification_key(ED25519)


def test_keys_of_a_setting_are_found_by_algorithm_whatever_the_kid() -> None:
    keys = [verification_key(key.public_key()) for key in (RSA, ec_key(), rsa_key("other"))]

    async def find(kid: str | None, algorithm: str) -> list[VerificationKey]:
        return [*await StaticKeys(keys).find(kid, algorithm)]

    assert asyncio.run(find("any", "PS512")) == [keys[0], keys[2]]
    assert asyncio.run(find(None, "ES256")) == [keys[1]]
    assert asyncio.run(find(None, "ES384")) == []
