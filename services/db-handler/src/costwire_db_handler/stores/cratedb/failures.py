"""What CrateDB answers when it fails, put into the problems of the database handler.

A problem's text never repeats what CrateDB says, but for the classes whose words are only names:
the others quote values of the statement. Source: CrateDB 6.2.11, HttpErrorStatus, HttpError.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, ClassVar

from costwire_db_handler.errors import TryAgain
from costwire_runtime import problems

DUPLICATE_KEY = 4091
VERSION_CONFLICT = 4092
UNKNOWN_TABLE = 4041
UNKNOWN_SCHEMA = 4045
_USER_MAY_NOT = frozenset({4010, 4011})
_KILLED = 5005
_FULL = 4037
_SCHEMAS_THERE = re.compile(r"Schema '(costwire|doc|sys)' unknown")

_CLASS_AND_TEXT = re.compile(r"([A-Za-z_$][\w$.]*)\[(.*)\]", re.DOTALL)  # `Name[text]`


class Later(Enum):
    """Whether the same statement may succeed a little later, and what of it may be done."""

    NO = "no"
    NOTHING_DONE = "nothing of the statement was done"
    PARTLY_DONE = "a part of the statement may have been done"


@dataclass(frozen=True)
class Told:
    """What CrateDB said of a failure; `text` may quote values, so it is in no repr."""

    status: int
    code: int | None = None
    class_name: str | None = None
    text: str = field(default="", repr=False)

    @property
    def later(self) -> Later:
        """Whether it is a matter of time."""
        return _later(self.status, self.code, self.class_name, self.text)


def read_told(status: int, body: bytes) -> Told:
    """Read an answer that says no: CrateDB's JSON, or the plain text of a refused sign-in."""
    try:
        error = json.loads(body)["error"]
        message, code = str(error["message"]), int(error["code"])
    except (ValueError, TypeError, LookupError, RecursionError):
        return Told(status, text=body[:500].decode("utf-8", "replace").strip())
    return item_told(code, message, status=status)


def item_told(code: int | None, message: str | None, *, status: int = 200) -> Told:
    """A code and a message of the form `Name[text]`, as items of a bulk bring them."""
    parts = _CLASS_AND_TEXT.fullmatch(message or "")
    if parts is None:
        return Told(status, code, text=message or "")
    return Told(status, code, parts[1].rpartition(".")[2], parts[2])


# Refused at the door: by a proxy, or because the cluster has no master or no state yet.
_NOTHING_DONE_CODES = frozenset({4290, 5030, 5034, 5035})
# Broken off: too little memory, a full queue, shards or nodes that come and go.
_PARTLY_DONE_CODES = frozenset({5002, 5031, 5032, 5033})
_PARTLY_DONE_CLASSES = frozenset(
    {
        "AlreadyClosedException",
        "CircuitBreakingException",
        "ConnectException",
        "ConnectTransportException",
        "EsRejectedExecutionException",
        "FailedToCommitClusterStateException",
        "IllegalIndexShardStateException",
        "IndexShardClosedException",
        "IndexShardNotStartedException",
        "IndexShardRecoveringException",
        "IndexShardRelocatedException",
        "NoSeedNodeLeftException",
        "NodeClosedException",
        "NodeDisconnectedException",
        "NodeNotConnectedException",
        "NotMasterException",
        "ReceiveTimeoutTransportException",
        "RejectedExecutionException",
        "RetryOnPrimaryException",
        "RetryOnReplicaException",
        "ShardNotFoundException",
        "ShardNotInPrimaryModeException",
    }
)
_NOT_UP = "ClusterService.state()"  # of a NullPointerException while a node starts
_NODE_LEFT = "Participating node"  # the one kill that nobody asked for


def _later(status: int, code: int | None, class_name: str | None, text: str) -> Later:
    if code is None:
        return Later.NOTHING_DONE if status in {429, 503} else Later.NO
    if code in _NOTHING_DONE_CODES or _NOT_UP in text:
        return Later.NOTHING_DONE
    if code in _PARTLY_DONE_CODES:
        blocked = class_name == "ClusterBlockException"
        return Later.NOTHING_DONE if blocked else Later.PARTLY_DONE
    if class_name in _PARTLY_DONE_CLASSES or (code == _KILLED and _NODE_LEFT in text):
        return Later.PARTLY_DONE
    return Later.NO


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

    @property
    def class_name(self) -> str | None:
        """CrateDB's name of the failure, such as `DuplicateKeyException`."""
        return self.told.class_name if self.told else None


class WrongCredentials(StoreProblem, problems.Unauthorized):
    """The store knows no user of this name and password."""


class AccountRefused(StoreProblem):
    """The handler's own account may not sign in, or lacks a privilege: no fault of the caller."""

    status: ClassVar[int] = 502
    slug: ClassVar[str] = "account-refused"
    title: ClassVar[str] = "The handler's own account is refused by the store"


class PrivilegeMissing(StoreProblem, problems.Forbidden):
    """The store's user may not do this."""

    slug: ClassVar[str] = "privilege-missing"
    title: ClassVar[str] = "The store's user may not do this"


class UnknownInStore(StoreProblem, problems.NotFound):
    """A table, column or schema does not exist, or the user may not know of it."""

    slug: ClassVar[str] = "unknown-in-store"
    title: ClassVar[str] = "The store has no such thing"


class StatementRefused(StoreProblem, problems.BadRequest):
    """The statement, or a value for it, cannot be taken."""

    slug: ClassVar[str] = "statement-refused"
    title: ClassVar[str] = "The store refuses the statement"


class StatementTooLarge(StoreProblem, problems.TooLarge):
    """The statement with its rows is larger than the store takes."""

    slug: ClassVar[str] = "statement-too-large"
    title: ClassVar[str] = "The statement is too large for the store"


class AnswerTooLarge(StoreProblem, problems.BadRequest):
    """The answer has more bytes than are read."""

    slug: ClassVar[str] = "answer-too-large"
    title: ClassVar[str] = "The store's answer is too large"


class StoreConflict(StoreProblem, problems.Conflict):
    """What the statement would make, or change, is there already or has changed."""

    slug: ClassVar[str] = "store-conflict"
    title: ClassVar[str] = "The store's state does not allow this"


class DuplicateKey(StoreConflict):
    """A row with this primary key exists."""

    slug: ClassVar[str] = "duplicate-key"


class VersionConflict(StoreConflict):
    """Another statement changed the row in between; read it again and decide anew."""

    slug: ClassVar[str] = "version-conflict"


class StoreReadOnly(StoreProblem, TryAgain):
    """The store takes no writes: blocked by its operator, or its disks are full."""

    slug: ClassVar[str] = "store-read-only"
    title: ClassVar[str] = "The store takes no writes"
    pause_seconds: ClassVar[int] = 60


class StoreOverloaded(StoreProblem, TryAgain):
    """The store was asked again until patience ended, and could not do it yet."""

    slug: ClassVar[str] = "store-overloaded"
    title: ClassVar[str] = "The store is overloaded"


class StoreUnreachable(StoreProblem, TryAgain):
    """No node of the store could be reached; nothing was done."""

    slug: ClassVar[str] = "store-unreachable"
    title: ClassVar[str] = "The store cannot be reached"


class StoreTimedOut(StoreProblem, problems.AnswerTimedOut):
    """A statement that changes nothing took longer than is waited for."""

    slug: ClassVar[str] = "store-timed-out"
    title: ClassVar[str] = "The store took too long"


class StoreFailed(StoreProblem):
    """The store met a fault of its own, or answers as no CrateDB does."""

    status: ClassVar[int] = 502
    slug: ClassVar[str] = "store-failed"
    title: ClassVar[str] = "The store has failed"


class OutcomeUnknown(StoreProblem):
    """The statement was sent and not answered in full: it may be done, in part or not at all.

    The status is none that makes clients send it again.
    """

    status: ClassVar[int] = 500
    slug: ClassVar[str] = "outcome-unknown"
    title: ClassVar[str] = "It is unknown whether the statement was done"


# Their words hold names of tables, users and limits, never a value.
_NAMES_ONLY = frozenset(
    {
        "CircuitBreakingException",
        "ClusterBlockException",
        "ColumnUnknownException",
        "DuplicateKeyException",
        "JobKilledException",
        "MissingPrivilegeException",
        "OperationOnInaccessibleRelationException",
        "RelationAlreadyExists",
        "RelationUnknown",
        "RoleAlreadyExistsException",
        "RoleUnknownException",
        "SchemaUnknownException",
    }
)


def said(told: Told) -> str:
    """What CrateDB says, fit for a message: its words where they are only names, else its class."""
    if told.class_name in _NAMES_ONLY and "['" not in told.text:
        return f"{told.text} ({told.code})"
    if told.class_name is None:
        return f"status {told.status}"
    return f"{told.class_name} ({told.code})"


def failure_of(act: str, told: Told) -> StoreProblem:
    """The problem for an answer that says no; `act` begins its detail."""
    if told.later is not Later.NO:
        return StoreOverloaded(f"{act}: not now: {said(told)}; try again later", told=told)
    if told.code is None:
        return _without_code(act, told)
    if told.code in _USER_MAY_NOT:
        return PrivilegeMissing(
            f"{act}: {said(told)}; ask for the privilege or sign in as another user", told=told
        )
    there = _SCHEMAS_THERE.match(told.text) if told.code == UNKNOWN_SCHEMA else None
    if there is not None:  # CrateDB denies what one may not see
        return PrivilegeMissing(
            f"{act}: the user has no privilege on the schema {there[1]}; "
            "ask for one or sign in as another user",
            told=told,
        )
    kind, advice = _kind(told)
    return kind(f"{act}: {said(told)}; {advice}", told=told)


def _without_code(act: str, told: Told) -> StoreProblem:
    if told.status == 401:
        return WrongCredentials(
            f"{act}: user or password is wrong, or this address may not sign in", told=told
        )
    if told.status == 413:
        return StatementTooLarge(
            f"{act}: it is too large; send fewer rows at once or raise http.max_content_length",
            told=told,
        )
    return StoreFailed(
        f"{act}: status {told.status} without CrateDB's words; is it a CrateDB node?", told=told
    )


def _kind(told: Told) -> tuple[type[StoreProblem], str]:
    if told.code == DUPLICATE_KEY:
        return DuplicateKey, "choose another key, or update the row"
    if told.code == VERSION_CONFLICT:
        return VersionConflict, "read the row again and decide anew"
    if told.code == _FULL:
        return StoreReadOnly, "its disks are nearly full: free space"
    if told.code == _KILLED:
        return StoreFailed, "it was ended before its end: ask for less or allow more time"
    return _KINDS.get(told.status, _FAILED)


_FAILED: tuple[type[StoreProblem], str] = (StoreFailed, "the store's log tells more")
_KINDS: dict[int, tuple[type[StoreProblem], str]] = {
    400: (StatementRefused, "correct the statement or its values"),
    403: (StoreReadOnly, "lift the block on the table or the cluster"),
    404: (UnknownInStore, "create it, correct the name, or ask for a privilege on it"),
    409: (StoreConflict, "look at what is there"),
}
