"""JWK Sets, read: the document that an issuer publishes its keys in (RFC 7517). Pure."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from typing import Any

import jwt
import orjson
from cryptography.exceptions import UnsupportedAlgorithm

from costwire_aggregator.tokens.errors import BadJwks
from costwire_aggregator.tokens.keys import UnfitKey, VerificationKey, verification_key

_MOST_KEYS = 100
_PUBLIC_MEMBERS = ("kty", "n", "e", "crv", "x", "y")


@dataclass(frozen=True, slots=True)
class KeySet:
    """The keys of a set that tokens can be verified with."""

    keys: tuple[VerificationKey, ...] = ()
    unusable: int = 0
    """How many others it holds: for encryption, of other types, broken, or past the hundredth."""


def read_jwks(body: bytes) -> KeySet:
    """The keys of a JWK Set; one without a single usable key is a set, too.

    Raises: `BadJwks` where it is none.
    """
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise BadJwks("what arrived is no JSON") from None
    listed = document.get("keys") if isinstance(document, dict) else None
    if not isinstance(listed, list):
        raise BadJwks("what arrived is no JWK Set: it has no list of keys")
    keys = tuple(islice(filter(None, map(_key, listed)), _MOST_KEYS))
    return KeySet(keys, len(listed) - len(keys))


def _key(jwk: Any) -> VerificationKey | None:
    if not isinstance(jwk, dict) or not _verifies_signatures(jwk):
        return None
    kid, algorithm = jwk.get("kid"), jwk.get("alg")
    if not all(isinstance(member, str | None) for member in (kid, algorithm)):
        return None
    # Without `alg`, PyJWT goes by the type of the key; without `d`, no private key is computed.
    members = {name: jwk[name] for name in _PUBLIC_MEMBERS if name in jwk}
    try:
        return verification_key(jwt.PyJWK(members).key, kid=kid, algorithm=algorithm)
    except (jwt.PyJWTError, UnfitKey, UnsupportedAlgorithm, ValueError, TypeError):
        return None


def _verifies_signatures(jwk: dict[str, Any]) -> bool:
    operations = jwk.get("key_ops", ["verify"])
    allowed = isinstance(operations, list) and "verify" in operations
    return allowed and jwk.get("use", "sig") == "sig" and jwk.get("kty") in ("RSA", "EC")
