"""Users of the database handler: roles, password hashes, and a short memory of who signed in."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple, Protocol

from costwire_db_handler.rights import NO_LIMITS, Rights

_COST = 2**14
_BLOCK = 8
_LANES = 1
_SALT_BYTES = 16
_KEY_BYTES = 32
_MAX_PASSWORD_BYTES = 1_024
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.@-]{0,63}")


class Role(StrEnum):
    """What a user may do."""

    ADMIN = "admin"
    WRITER = "writer"
    READER = "reader"

    def includes(self, other: Role) -> bool:
        """Whether whoever has this role may do what the other one may."""
        rising = (Role.READER, Role.WRITER, Role.ADMIN)
        return rising.index(self) >= rising.index(other)


@dataclass(frozen=True)
class User:
    """One user; the hash tells nothing in a log."""

    name: str
    role: Role
    password_hash: str = field(repr=False)
    rights: Rights = NO_LIMITS


class Account(NamedTuple):
    """A user as admins are told of it."""

    name: str
    role: Role
    rights: Rights = NO_LIMITS


@dataclass(frozen=True)
class Caller:
    """Whoever a request comes from, once the credentials were found right."""

    name: str
    role: Role | None
    """What the handler lets the caller do; None where the database decides."""
    password: str = field(default="", repr=False)
    """Where the database asks for it with every statement."""
    rights: Rights = NO_LIMITS
    """Beyond the role; none where the database decides."""


class Users(Protocol):
    """Where users are kept."""

    def list(self) -> Sequence[Account]:
        """All users by name."""

    def put(self, name: str, role: Role, password: str | None, rights: Rights = NO_LIMITS) -> None:
        """Add a user, or give one another role, rights and password; raises `InvalidUser`.

        Without a password the user keeps the one that there is.
        """

    def remove(self, name: str) -> bool:
        """Remove a user; False when there is none of this name. Raises `InvalidUser`."""


class Hashes(Protocol):
    """Where the hashes of passwords are."""

    def get(self, name: str) -> User | None:
        """The user of this name, or None."""


class InvalidUser(ValueError):
    """A user that cannot be made or removed as asked."""


def new_user(name: str, role: Role, password: str, rights: Rights = NO_LIMITS) -> User:
    """Make a user with a fresh salt.

    Raises: `InvalidUser`, saying what a name or password must look like.
    """
    check_user(name, password)
    return User(name, Role(role), hash_password(password), rights)


def check_user(name: str, password: str) -> None:
    """Whether a user can be called so, and have this password; raises `InvalidUser`."""
    if not _NAME.fullmatch(name):
        raise InvalidUser(
            f"add user {name!r}: a name has 1 to 64 letters, digits or _ . @ - "
            "and begins with a letter, a digit or _"
        )
    if not password or len(password.encode()) > _MAX_PASSWORD_BYTES:
        raise InvalidUser(f"add user {name!r}: a password has 1 to {_MAX_PASSWORD_BYTES:,} bytes")


def spellings(name: str, password: str) -> list[tuple[str, str]]:
    """What credentials may mean: as they are, or, where both can be, decoded from base64.

    Secrets are sent still encoded by some of those who read them from Kubernetes.
    """
    decoded = (_decoded(name), _decoded(password))
    return list(dict.fromkeys([(name, password), decoded]))


def _decoded(text: str) -> str:
    try:
        return base64.b64decode(text, validate=True).decode()
    except ValueError:
        return text


def hash_password(password: str, *, salt: bytes | None = None) -> str:
    """Hash a password: `scrypt$n$r$p$salt$key`, salt and key in base64."""
    salt = secrets.token_bytes(_SALT_BYTES) if salt is None else salt
    return _encoded(salt, _scrypt(password, salt, _COST, _BLOCK, _LANES))


def hash_of_none() -> str:
    """A hash that no password has, as long to verify as any other."""
    return _encoded(secrets.token_bytes(_SALT_BYTES), secrets.token_bytes(_KEY_BYTES))


def _encoded(salt: bytes, key: bytes) -> str:
    return "$".join(["scrypt", str(_COST), str(_BLOCK), str(_LANES), _text(salt), _text(key)])


def verify_password(password: str, encoded: str) -> bool:
    """Tell in constant time whether a password has this hash; a hash of another form fits none."""
    try:
        kind, cost, block, lanes, salt, key = encoded.split("$")
        expected = base64.b64decode(key, validate=True)
        if kind != "scrypt" or len(password.encode()) > _MAX_PASSWORD_BYTES:
            return False
        found = _scrypt(
            password, base64.b64decode(salt, validate=True), int(cost), int(block), int(lanes)
        )
    except ValueError:
        return False
    return hmac.compare_digest(found, expected)


def _scrypt(password: str, salt: bytes, cost: int, block: int, lanes: int) -> bytes:
    return hashlib.scrypt(
        password.encode(),
        salt=salt,
        n=cost,
        r=block,
        p=lanes,
        dklen=_KEY_BYTES,
        maxmem=64 * 1024 * 1024,
    )


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


class CredentialCache:
    """Remembers for a minute which credentials were right, by a keyed digest alone."""

    def __init__(
        self,
        *,
        seconds: float = 60.0,
        entries: int = 1_000,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._seconds = seconds
        self._entries = entries
        self._clock = clock
        self._key = secrets.token_bytes(32)
        self._known: OrderedDict[bytes, tuple[float, Caller]] = OrderedDict()
        self._age = 0
        self._lock = threading.Lock()

    def get(self, name: str, password: str) -> Caller | None:
        """Whoever these credentials were right for, if that is not too long ago."""
        digest = self._digest(name, password)
        with self._lock:
            until, caller = self._known.get(digest, (0.0, None))
            if caller is not None and until > self._clock():
                return caller
            self._known.pop(digest, None)
            return None

    @property
    def age(self) -> int:
        """How often users have changed; to be asked for before one is looked at."""
        return self._age

    def put(self, name: str, password: str, caller: Caller, age: int | None = None) -> None:
        """Remember credentials that were right; the oldest go when there are too many.

        `age`: from before the user was looked at; one who may have changed since is forgotten.
        """
        with self._lock:
            if age is not None and age != self._age:
                return
            self._known[self._digest(name, password)] = (self._clock() + self._seconds, caller)
            while len(self._known) > self._entries:
                self._known.popitem(last=False)

    def clear(self) -> None:
        """Forget all: users have changed."""
        with self._lock:
            self._age += 1
            self._known.clear()

    def __len__(self) -> int:
        return len(self._known)

    def _digest(self, name: str, password: str) -> bytes:
        named = len(name.encode()).to_bytes(4, "big") + name.encode() + password.encode()
        return hmac.digest(self._key, named, "sha256")


class SignIn:
    """Checks credentials against hashes; a wrong name takes as long as a wrong password."""

    def __init__(
        self, users: Hashes, cache: CredentialCache | None = None, *, parallel: int = 2
    ) -> None:
        self._users = users
        self.cache = CredentialCache() if cache is None else cache
        self._nobody = hash_of_none()
        # Each hash takes 16 MiB while it is computed: a flood of guesses must not fill the memory.
        self._hashing = threading.BoundedSemaphore(parallel)

    def check(self, name: str, password: str) -> Caller | None:
        """Whoever the credentials belong to, or None."""
        known = self.cache.get(name, password)
        if known is not None:
            return known
        age = self.cache.age
        for spelling in spellings(name, password):
            caller = self._verified(*spelling)
            if caller is not None:
                self.cache.put(name, password, caller, age)
                return caller
        return None

    def _verified(self, name: str, password: str) -> Caller | None:
        user = self._users.get(name)
        with self._hashing:
            right = verify_password(password, self._nobody if user is None else user.password_hash)
        if user is None or not right:
            return None
        return Caller(user.name, user.role, rights=user.rights)
