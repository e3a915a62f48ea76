"""What CrateDB answers when it fails, put into the problems of the database handler.

A problem's text never repeats what CrateDB says, but for the classes whose words are only names:
the others quote values of the statement.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from costwire_db_handler.errors import TryAgain
from costwire_db_handler.stores.cratedb.told import (
    DUPLICATE_KEY,
    KILLED,
    UNKNOWN_SCHEMA,
    VERSION_CONFLICT,
    Later,
    Told,
    said,
)
from costwire_runtime import problems


class StoreProblem(problems.Problem):
    """Base: a failure of the store, with what CrateDB told of it where it told anything."""

    def __init__(
        self,
        detail: str,
        *,
        told: Told | None = None,
        headers: Mapping[str, str] | None = None,
        **extensions: Any,
    ) -> None:
        super().__init__(detail, headers=headers, **extensions)
        self.told = told

    @property
    def code(self) -> int | None:
        """CrateDB's code, such as 4091."""
        return self.told.code if self.told else None


class WrongCredentials(StoreProblem, problems.Unauthorized):
    """The store knows no user of this name and password."""


class AccountRefused(StoreProblem):
    """The handler's own account may not sign in, or lacks a privilege: no fault of the caller."""

    status = 502
    slug, title = "account-refused", "The handler's own account is refused by the store"


class PrivilegeMissing(StoreProblem, problems.Forbidden):
    """The store's user may not do this."""

    slug, title = "privilege-missing", "The store's user may not do this"


class UnknownInStore(StoreProblem, problems.NotFound):
    """A table, column or schema does not exist, or the user may not know of it."""

    slug, title = "unknown-in-store", "The store has no such thing"


class StatementRefused(StoreProblem, problems.BadRequest):
    """The statement, or a value for it, cannot be taken."""

    slug, title = "statement-refused", "The store refuses the statement"


class StatementTooLarge(StoreProblem, problems.TooLarge):
    """The statement with its rows is larger than the store takes."""

    slug, title = "statement-too-large", "The statement is too large for the store"


class AnswerTooLarge(StoreProblem, problems.BadRequest):
    """The answer has more bytes than are read."""

    slug, title = "answer-too-large", "The store's answer is too large"


class StoreConflict(StoreProblem, problems.Conflict):
    """What the statement would make, or change, is there already or has changed."""

    slug, title = "store-conflict", "The store's state does not allow this"


class DuplicateKey(StoreConflict):
    """A row with this primary key exists."""

    slug = "duplicate-key"


class VersionConflict(StoreConflict):
    """Another statement changed the row in between; read it again and decide anew."""

    slug = "version-conflict"


class StoreReadOnly(StoreProblem, TryAgain):
    """The store takes no writes: blocked by its operator, or its disks are full."""

    slug, title = "store-read-only", "The store takes no writes"
    pause_seconds = 60


class StoreOverloaded(StoreProblem, TryAgain):
    """The store was asked again until patience ended, and could not do it yet."""

    slug, title = "store-overloaded", "The store is overloaded"


class StoreUnreachable(StoreProblem, TryAgain):
    """No node of the store could be reached; nothing was done."""

    slug, title = "store-unreachable", "The store cannot be reached"


class StoreTimedOut(StoreProblem, problems.AnswerTimedOut):
    """A statement that changes nothing took longer than is waited for."""

    slug, title = "store-timed-out", "The store took too long"


class StoreFailed(StoreProblem):
    """The store met a fault of its own, or answers as no CrateDB does."""

    status = 502
    slug, title = "store-failed", "The store has failed"


class OutcomeUnknown(StoreProblem):
    """The statement was sent and not answered in full: it may be done, in part or not at all.

    The status is none that makes clients send it again.
    """

    status = 500
    slug, title = "outcome-unknown", "It is unknown whether the statement was done"


_Kind = tuple[type[StoreProblem], str]
"""The problem, and what to do about it."""
_MAY_NOT: _Kind = (PrivilegeMissing, "ask for the privilege or sign in as another user")
_BY_CODE: Mapping[int, _Kind] = {
    4010: _MAY_NOT,
    4011: _MAY_NOT,
    4037: (StoreReadOnly, "its disks are nearly full: free space"),
    DUPLICATE_KEY: (DuplicateKey, "choose another key, or update the row"),
    VERSION_CONFLICT: (VersionConflict, "read the row again and decide anew"),
    KILLED: (StoreFailed, "it was ended before its end: ask for less or allow more time"),
}
_BY_STATUS: Mapping[int, _Kind] = {
    400: (StatementRefused, "correct the statement or its values"),
    403: (StoreReadOnly, "lift the block on the table or the cluster"),
    404: (UnknownInStore, "create it, correct the name, or ask for a privilege on it"),
    409: (StoreConflict, "look at what is there"),
}
_ANY_OTHER: _Kind = (StoreFailed, "the store's log tells more")
_WITHOUT_CODE: Mapping[int, _Kind] = {
    401: (WrongCredentials, "user or password is wrong, or this address may not sign in"),
    413: (
        StatementTooLarge,
        "it is too large; send fewer rows at once or raise http.max_content_length",
    ),
}
_SCHEMA_THERE = re.compile(r"Schema '(costwire|doc|sys)' unknown")


def failure_of(act: str, told: Told) -> StoreProblem:
    """The problem for an answer that says no; `act` begins its detail."""
    if told.later is not Later.NO:
        return StoreOverloaded(f"{act}: not now: {said(told)}; try again later", told=told)
    if told.code is None:
        foreign = (
            StoreFailed,
            f"status {told.status} without CrateDB's words; is it a CrateDB node?",
        )
        kind, words = _WITHOUT_CODE.get(told.status, foreign)
        return kind(f"{act}: {words}", told=told)
    there = _SCHEMA_THERE.match(told.text) if told.code == UNKNOWN_SCHEMA else None
    if there is not None:  # CrateDB denies what one may not see
        return PrivilegeMissing(
            f"{act}: the user has no privilege on the schema {there[1]}; "
            "ask for one or sign in as another user",
            told=told,
        )
    kind, advice = _BY_CODE.get(told.code) or _BY_STATUS.get(told.status, _ANY_OTHER)
    return kind(f"{act}: {said(told)}; {advice}", told=told)
