"""What the claims of a token must say. Pure: the time comes as an argument."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import inf
from typing import Any

from costwire_aggregator.tokens.errors import InsufficientRole, InvalidToken

Claims = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class TokenRules:
    """What a token must say besides its signature; an empty rule asks for nothing."""

    issuers: tuple[str, ...] = ()
    """Of which `iss` is one."""
    audiences: tuple[str, ...] = ()
    """Of which `aud` is one, or lists one."""
    roles: tuple[str, ...] = ()
    """Of which the token grants one; see `granted_roles`."""
    leeway_seconds: float = 30.0
    """How far the clocks of the issuer and this machine may be apart."""
    require_expiry: bool = True
    """Whether a token without `exp` is refused; the ICOS Aggregator lets it in."""


def check_claims(claims: Claims, rules: TokenRules, now: float) -> None:
    """Let claims pass that obey the rules; `now` is in seconds since 1970.

    Raises: `InvalidToken`; `InsufficientRole` where nothing but the role is amiss.
    Source: RFC 7519, section 4.1.
    """
    _check_times(claims, rules, now)
    if rules.issuers and claims.get("iss") not in rules.issuers:
        raise InvalidToken("the token is of another issuer")
    if rules.audiences and not any(name in rules.audiences for name in _texts(claims.get("aud"))):
        raise InvalidToken("the token is for another audience")
    if rules.roles and granted_roles(claims).isdisjoint(rules.roles):
        raise InsufficientRole("the token does not grant a role that is let in")


def granted_roles(claims: Claims) -> set[str]:
    """The roles of a token, in whichever claims.

    Shape: `name` for a role of Keycloak's realm, of `roles` or of `scope`; `client/name` for a role
           of a Keycloak client, because each client names its roles as it likes.
    """
    scope = claims.get("scope")
    granted = {
        *_texts(claims.get("roles")),
        *_roles_in(claims.get("realm_access")),
        *(scope.split() if isinstance(scope, str) else ()),
    }
    clients = claims.get("resource_access")
    if isinstance(clients, dict):
        for client, access in clients.items():
            granted.update(f"{client}/{role}" for role in _roles_in(access))
    return granted


def _check_times(claims: Claims, rules: TokenRules, now: float) -> None:
    expiry, not_before, issued = (_seconds(claims, name) for name in ("exp", "nbf", "iat"))
    if expiry is None and rules.require_expiry:
        raise InvalidToken("the token has no expiry")
    if expiry is not None and expiry <= now - rules.leeway_seconds:
        raise InvalidToken("the token has expired")
    if not_before is not None and not_before > now + rules.leeway_seconds:
        raise InvalidToken("the token is not valid yet")
    if issued is not None and issued > now + rules.leeway_seconds:
        raise InvalidToken("the token was issued in the future")


def _seconds(claims: Claims, name: str) -> float | None:
    """A time of the claims; None where there is none. Integers may be larger than any float."""
    if name not in claims:
        return None
    value = claims[name]
    if isinstance(value, bool) or not isinstance(value, int | float) or not -inf < value < inf:
        raise InvalidToken("a time in the token is no number")
    return value


def _roles_in(access: Any) -> Iterator[str]:
    return _texts(access.get("roles") if isinstance(access, dict) else None)


def _texts(value: Any) -> Iterator[str]:
    """The texts of a claim that is one text or a list of them; whatever else it holds is left."""
    listed = value if isinstance(value, list) else [value]
    return (text for text in listed if isinstance(text, str))
