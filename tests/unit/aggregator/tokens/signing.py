"""Keys and tokens of an issuer that exists for tests alone."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import jwt
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import NameOID

from costwire_aggregator.tokens.check import TokenCheck
from costwire_aggregator.tokens.claims import TokenRules
from costwire_aggregator.tokens.errors import TokenError
from costwire_aggregator.tokens.keys import StaticKeys, verification_key

PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey

NOW = float(int(time.time()))
"""The same for all tests of a run, and near the clock of other programs."""
CURVES: dict[str, Callable[[], ec.EllipticCurve]] = {
    "ES256": ec.SECP256R1,
    "ES384": ec.SECP384R1,
    "ES512": ec.SECP521R1,
}
RSA_ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512")


def rsa_key(name: str = "issuer", bits: int = 2048) -> rsa.RSAPrivateKey:
    """The same key for the same name, as long as the tests run."""
    return _rsa_key(name, bits)


def ec_key(algorithm: str = "ES256", name: str = "issuer") -> ec.EllipticCurvePrivateKey:
    """The same key for the same name, as long as the tests run."""
    return _ec_key(algorithm, name)


@cache
def _rsa_key(name: str, bits: int) -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=bits)


@cache
def _ec_key(algorithm: str, name: str) -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(CURVES[algorithm]())


def key_for(algorithm: str) -> PrivateKey:
    return ec_key(algorithm) if algorithm in CURVES else rsa_key()


def a_token(
    key: PrivateKey | None = None,
    algorithm: str = "RS256",
    *,
    headers: dict[str, Any] | None = None,
    **claims: Any,
) -> str:
    """A good token, unless it is told otherwise; a claim of None is left out."""
    told = {"exp": NOW + 36_000, "iat": NOW - 10, **claims}
    kept = {name: value for name, value in told.items() if value is not None}
    return jwt.encode(kept, key or key_for(algorithm), algorithm, headers=headers)


def part(content: bytes | dict[str, Any]) -> str:
    raw = content if isinstance(content, bytes) else json.dumps(content).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def hs256(secret: bytes, header: dict[str, Any], claims: dict[str, Any]) -> str:
    """A token whose secret is whatever an attacker has, such as a public key."""
    signed = f"{part(header)}.{part(claims)}"
    return f"{signed}.{part(hmac.new(secret, signed.encode(), hashlib.sha256).digest())}"


def der(key: PrivateKey) -> bytes:
    return key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def base64_of(key: PrivateKey) -> str:
    """As Keycloak shows the key of a realm."""
    return base64.b64encode(der(key)).decode()


def pem_of(key: PrivateKey) -> str:
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def certificate_of(key: PrivateKey) -> x509.Certificate:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "issuer")])
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(7)
        .not_valid_before(now - timedelta(days=2))
        .not_valid_after(now - timedelta(days=1))
        .sign(key, hashes.SHA256())
    )


def jwk_of(key: PrivateKey, kid: str | None = None, **more: Any) -> dict[str, Any]:
    """The public key as a member of a JWK Set."""
    public = key.public_key()
    if isinstance(public, rsa.RSAPublicKey):
        jwk = jwt.algorithms.RSAAlgorithm.to_jwk(public, as_dict=True)
    else:
        jwk = jwt.algorithms.ECAlgorithm.to_jwk(public, as_dict=True)
    return {**jwk, **({} if kid is None else {"kid": kid}), **more}


def jwks_of(*keys: Any) -> bytes:
    return json.dumps({"keys": keys}).encode()


def a_check(*keys: PrivateKey, **rules: Any) -> TokenCheck:
    """A check with the issuer's RSA key, or with these."""
    public = [verification_key(key.public_key()) for key in keys or (rsa_key(),)]
    return TokenCheck(StaticKeys(public), TokenRules(**rules), now=lambda: NOW)


def refusal(check: TokenCheck, authorization: str | None) -> TokenError | None:
    """Why a header is not let in; None where it is."""
    try:
        asyncio.run(check.check(authorization))
    except TokenError as error:
        return error
    return None
