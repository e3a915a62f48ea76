"""Public keys that signatures are verified with, and how `KEY` spells them. Pure."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_der_public_key

from costwire_aggregator.tokens.errors import BadKey

MOST_KEYS = 20
"""As many keys are tried on one token, and as many may stand in `KEY`."""

_RSA_ALGORITHMS = frozenset({"RS256", "RS384", "RS512", "PS256", "PS384", "PS512"})
_ALGORITHM_OF_CURVE = {"secp256r1": "ES256", "secp384r1": "ES384", "secp521r1": "ES512"}
ALGORITHMS = _RSA_ALGORITHMS | frozenset(_ALGORITHM_OF_CURVE.values())

_RSA_BITS = range(2048, 16384 + 1)  # OpenSSL verifies with no larger ones
_PEM_BLOCK = re.compile(r"-----BEGIN ([A-Z0-9 ]+)-----([^-]*)-----END \1-----")
_PEM_LABELS = frozenset({"PUBLIC KEY", "CERTIFICATE"})
_EXPECTED = (
    "expected are public keys, separated by commas: base64 of DER as Keycloak shows it, or PEM "
    "(PUBLIC KEY, CERTIFICATE), each RSA of 2048 bits or more, or EC on P-256, P-384 or P-521"
)


PublicKey = RSAPublicKey | EllipticCurvePublicKey


class UnfitKey(Exception):
    """A key that no token is verified with, and why."""


@dataclass(frozen=True, slots=True)
class VerificationKey:
    """A public key, the algorithms that it verifies, and what a JWK Set calls it."""

    public: PublicKey
    algorithms: frozenset[str]
    kid: str | None = None


class Keys(Protocol):
    """Where the keys of tokens come from."""

    async def find(self, kid: str | None, algorithm: str) -> Sequence[VerificationKey]:
        """The keys that a token of this header may be signed with.

        Raises: `KeysUnavailable` where that cannot be told at present.
        """


class StaticKeys:
    """Keys that stand in a setting: they have no `kid`, so each is a candidate."""

    def __init__(self, keys: Iterable[VerificationKey]) -> None:
        self._keys = tuple(keys)

    async def find(self, kid: str | None, algorithm: str) -> Sequence[VerificationKey]:
        """The keys of this algorithm, whatever the token calls its own."""
        return [key for key in self._keys if algorithm in key.algorithms]


def verification_key(
    public: object, *, kid: str | None = None, algorithm: str | None = None
) -> VerificationKey:
    """A key with the algorithms that fit its type, or with the only one it is meant for.

    Raises: `UnfitKey`.
    """
    if not isinstance(public, RSAPublicKey | EllipticCurvePublicKey):
        raise UnfitKey("is neither an RSA nor an EC key")
    fitting = _algorithms(public)
    if algorithm is not None:
        fitting &= {algorithm}
    if not fitting:
        raise UnfitKey("is not of the type that its algorithm takes")
    return VerificationKey(public, fitting, kid)


def _algorithms(public: PublicKey) -> frozenset[str]:
    if isinstance(public, RSAPublicKey):
        if public.key_size not in _RSA_BITS:
            raise UnfitKey(f"is an RSA key of {public.key_size} bits")
        return _RSA_ALGORITHMS
    if public.curve.name not in _ALGORITHM_OF_CURVE:
        raise UnfitKey(f"is an EC key on {public.curve.name}")
    return frozenset({_ALGORITHM_OF_CURVE[public.curve.name]})


def read_keys(text: str) -> list[VerificationKey]:
    """The keys of `KEY`: base64 or PEM, with any white space, several separated by commas.

    Raises: `BadKey`, which tells the key by its place and repeats nothing of it.
    """
    pieces = [*filter(None, map(str.strip, _PEM_BLOCK.sub(r",\g<0>,", text).split(",")))]
    if not 0 < len(pieces) <= MOST_KEYS:
        raise BadKey(f"read KEY: it holds {len(pieces)} keys, not 1 to {MOST_KEYS}; {_EXPECTED}")
    return [_key(piece, f"key {at} of {len(pieces)}") for at, piece in enumerate(pieces, 1)]


def _key(piece: str, which: str) -> VerificationKey:
    try:
        return verification_key(_public(_der(piece)))
    except UnfitKey as unfit:
        raise BadKey(f"read KEY: {which} {unfit}; {_EXPECTED}") from None


def _der(piece: str) -> bytes:
    block = _PEM_BLOCK.fullmatch(piece)
    if block is None and "-----" in piece:
        raise UnfitKey("is PEM without its begin or its end")
    if block is not None and block[1] not in _PEM_LABELS:
        raise UnfitKey(f"is PEM of a {block[1]}")
    try:
        return base64.b64decode("".join((block[2] if block else piece).split()), validate=True)
    except ValueError:
        raise UnfitKey("is no base64") from None


def _public(der: bytes) -> object:
    """The key of a SubjectPublicKeyInfo or of a certificate, whose dates are not looked at."""
    for load in (load_der_public_key, _load_der_certificate_key):
        with suppress(ValueError, UnsupportedAlgorithm, x509.InvalidVersion):
            return load(der)
    raise UnfitKey("is neither a public key nor a certificate")


def _load_der_certificate_key(der: bytes) -> object:
    return x509.load_der_x509_certificate(der).public_key()
