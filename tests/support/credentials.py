"""A handler on each engine with a user of each role, and all that it logs meanwhile."""

from __future__ import annotations

import base64
import io
import logging
import secrets
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from costwire_db_handler.stores.cratedb.cluster import Credentials
from costwire_db_handler.stores.cratedb.privileges import Grant
from costwire_runtime.logs import JsonFormatter
from tests.support.cratedb import a_user, superuser


@contextmanager
def granted(url: str, name: str, grants: Iterable[Grant]) -> Iterator[Credentials]:
    """A user of CrateDB with exactly these privileges, dropped after."""
    with a_user(url, name=name) as credentials:
        with superuser(url) as session:
            for grant in grants:
                session.execute(grant.to(name))
        yield credentials


@dataclass
class Secrets:
    """Passwords of a test's users, and what was logged; nothing of the one may be in the other."""

    passwords: set[str] = field(default_factory=set)
    logged: io.StringIO = field(default_factory=io.StringIO)

    def password(self) -> str:
        """A new one."""
        made = secrets.token_urlsafe(16)
        self.passwords.add(made)
        return made

    def found_in(self, text: str, names: Iterable[str] = ()) -> set[str]:
        """The passwords that a text holds: plain, encoded, or within the header of these users."""
        told = set()
        for password in self.passwords:
            pairs = [f"{name}:{password}" for name in names]
            forms = [password, *(encoded(form) for form in (password, *pairs))]
            if any(form in text for form in forms):
                told.add(password)
        return told

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Keep every line of every logger, at the lowest level, as a service would write it."""
        handler = logging.StreamHandler(self.logged)
        handler.setFormatter(JsonFormatter())
        root = logging.getLogger()
        before = root.level
        root.addHandler(handler)
        root.setLevel(logging.DEBUG)
        try:
            yield
        finally:
            root.removeHandler(handler)
            root.setLevel(before)


def encoded(text: str) -> str:
    """As Kubernetes shows a secret."""
    return base64.b64encode(text.encode()).decode()
