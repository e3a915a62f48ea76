"""Whether credentials are right: CrateDB knows, and a right pair is remembered for a while."""

from __future__ import annotations

import logging
import secrets
import time
from collections.abc import Callable

from costwire_db_handler.stores.cratedb.cluster import Cluster, Credentials
from costwire_db_handler.stores.cratedb.failures import WrongCredentials
from costwire_db_handler.users import Caller, CredentialCache, spellings

_logger = logging.getLogger(__name__)


class SignIn:
    """Asks CrateDB on a connection of the caller's own.

    Of a right pair a keyed digest is remembered, for no longer than a connection is kept: what a
    request does runs on its caller's connections all the same. A wrong pair is asked for each time.
    """

    def __init__(self, cluster: Cluster, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._cluster = cluster
        self._right = CredentialCache(seconds=cluster.options.keep_seconds, clock=clock)

    def check(self, name: str, password: str) -> Caller | None:
        """Whoever the credentials belong to, or None; raises what keeps CrateDB from answering."""
        for spelling in spellings(name, password):
            if self._are_right(Credentials(*spelling)):
                return Caller(spelling[0], None, spelling[1])
        return None

    def forget(self) -> None:
        """Ask anew, on new connections: users have changed."""
        self._right.clear()
        self._cluster.forget_callers()

    def _are_right(self, credentials: Credentials) -> bool:
        name, password = credentials.name, credentials.password
        if self._right.get(name, password) is not None:
            return True
        if not self._lets_in(credentials):
            return False
        if self._lets_in(Credentials(name, secrets.token_urlsafe(24))):
            # CrateDB trusts this address, not the password; whoever reaches us would be anyone.
            _logger.warning(
                "CrateDB lets a user in from here with any password, so the handler does not; "
                "see auth.host_based of CrateDB",
                extra={"user": name},
            )
            return False
        self._right.put(name, password, Caller(name, None))
        return True

    def _lets_in(self, credentials: Credentials) -> bool:
        try:
            self._cluster.session(credentials).execute("SELECT 1")
        except WrongCredentials:
            return False
        return True
