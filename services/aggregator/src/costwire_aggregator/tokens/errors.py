"""What can be wrong with a token, or with the keys that tokens are checked with.

BadKey                     `KEY` holds no usable key; the service cannot start
BadJwks                    an answer that is no JWK Set
TokenError                 a request that is not let in; texts are fixed, none repeats a token
├── MissingToken           no bearer token came: 401, UNAUTHENTICATED
├── InvalidToken           one came that counts for nothing: 401, UNAUTHENTICATED
│   └── MalformedHeader    the header is not `Bearer` and one token: 401, UNAUTHENTICATED
├── InsufficientRole       a good token without the role: 403, PERMISSION_DENIED
└── KeysUnavailable        the token cannot be judged yet: 503, UNAVAILABLE
"""

from __future__ import annotations

from typing import ClassVar

_CHALLENGE = 'Bearer realm="costwire"'


class BadKey(Exception):
    """The text of `KEY` holds something that is no usable public key."""


class BadJwks(Exception):
    """What arrived from the server of keys is no JWK Set."""


class TokenError(Exception):
    """A request that is not let in; `reason` is for people, `error` the code of RFC 6750."""

    error: ClassVar[str] = ""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason

    @property
    def www_authenticate(self) -> str:
        """The value of `WWW-Authenticate`; why is told only to those who sent a token."""
        if not self.error:
            return _CHALLENGE
        return f'{_CHALLENGE}, error="{self.error}", error_description="{self.reason}"'


class MissingToken(TokenError):
    """No bearer token came."""


class InvalidToken(TokenError):
    """A token came that counts for nothing."""

    error = "invalid_token"


class MalformedHeader(InvalidToken):
    """The header says `Bearer`, and then something else than one token."""

    error = "invalid_request"


class InsufficientRole(TokenError):
    """The token is good, and none of the roles that are let in is in it."""

    error = "insufficient_scope"


class KeysUnavailable(TokenError):
    """The key of the token is not here, and the server of keys does not tell."""
