"""Signing in: credentials are looked at unless too many were wrong; the audit log hears of it."""

from __future__ import annotations

import math
import threading
import time
from collections import OrderedDict
from collections.abc import Callable

from costwire_db_handler.audit import AuditLog
from costwire_db_handler.errors import TooManyFailures
from costwire_db_handler.lockout import Lockout, network_of
from costwire_db_handler.stores import Store
from costwire_db_handler.users import Caller, spellings
from costwire_runtime.problems import Problem

_NOTED_SECONDS = 3_600.0
_MOST_NOTED = 10_000
_FAILURES_A_MINUTE = 60


class SigningIn:
    """Checks the credentials of requests; safe to call from any thread."""

    def __init__(
        self,
        store: Store,
        lockout: Lockout | None,
        audit: AuditLog,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store = store
        self._lockout = lockout
        self._audit = audit
        self._clock = clock
        self._noted: OrderedDict[tuple[str, str], float] = OrderedDict()
        self._minute = 0.0
        self._failures = 0
        self._lock = threading.Lock()

    def check(self, name: str, password: str, address: str) -> Caller | None:
        """Whoever the credentials belong to, or None; raises `TooManyFailures`."""
        told, _ = spellings(name, password)[-1]  # counted once, however it is spelt
        wait = self._lockout.wait_seconds(told, address) if self._lockout is not None else 0.0
        if wait > 0:
            pause = math.ceil(wait)
            raise TooManyFailures(
                f"sign in: too many attempts failed; try again in {pause} seconds",
                headers={"Retry-After": str(pause)},
            )
        caller = self._store.sign_in(name, password)
        if caller is None:
            self._failed(told, address)
            return None
        if self._lockout is not None:
            self._lockout.succeeded(told, address)
        if self._is_first(caller.name, network_of(address)):
            self._audit.note("signed in", by=caller.name, address=address)
        return caller

    def _is_first(self, name: str, network: str) -> bool:
        """Whether nothing was noted of them for an hour."""
        with self._lock:
            now, key = self._clock(), (name, network)
            if now - self._noted.get(key, -_NOTED_SECONDS) < _NOTED_SECONDS:
                return False
            self._noted[key] = now
            self._noted.move_to_end(key)
            while len(self._noted) > _MOST_NOTED:
                self._noted.popitem(last=False)
            return True

    def _failed(self, name: str, address: str) -> None:
        """Note a failure, by its name where there is such a user: it may be a password, misplaced.

        So many a minute are noted one by one; how many more there were, with the next one after it.
        """
        pauses = self._lockout is not None and self._lockout.failed(name, address)
        with self._lock:
            now, more = self._clock(), 0
            if now - self._minute >= 60.0:
                self._minute, more = now, max(0, self._failures - _FAILURES_A_MINUTE)
                self._failures = 0
            self._failures += 1
            if self._failures > _FAILURES_A_MINUTE:
                return
        self._audit.note(
            "sign-in failed",
            by=name if self._is_user(name) else None,
            address=address,
            about={"pauses": pauses or None, "unnoted": more or None},
        )

    def _is_user(self, name: str) -> bool:
        try:
            return any(account.name == name for account in self._store.own.users.list())
        except Problem:  # on CrateDB the handler's own account may not know
            return False
