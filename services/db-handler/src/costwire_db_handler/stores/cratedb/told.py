"""What CrateDB says when it fails, and what of that may be repeated.

Most of its words quote values of the statement. Source: CrateDB 6.2.11, HttpErrorStatus, HttpError.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from enum import Enum

UNKNOWN_TABLE = 4041
UNKNOWN_SCHEMA = 4045
DUPLICATE_KEY = 4091
VERSION_CONFLICT = 4092
KILLED = 5005
_CLASS_AND_TEXT = re.compile(r"([A-Za-z_$][\w$.]*)\[(.*)\]", re.DOTALL)  # `Name[text]`
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
        if self.code is None:
            return Later.NOTHING_DONE if self.status in {429, 503} else Later.NO
        if self.code in _NOTHING_DONE_CODES or _NOT_UP in self.text:
            return Later.NOTHING_DONE
        if self.code in _PARTLY_DONE_CODES:
            blocked = self.class_name == "ClusterBlockException"
            return Later.NOTHING_DONE if blocked else Later.PARTLY_DONE
        node_left = self.code == KILLED and _NODE_LEFT in self.text
        if node_left or self.class_name in _PARTLY_DONE_CLASSES:
            return Later.PARTLY_DONE
        return Later.NO


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


def said(told: Told) -> str:
    """What CrateDB says, fit for a message: its words where they are only names, else its class."""
    if told.class_name in _NAMES_ONLY and "['" not in told.text:
        return f"{told.text} ({told.code})"
    if told.class_name is None:
        return f"status {told.status}"
    return f"{told.class_name} ({told.code})"
