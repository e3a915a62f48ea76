"""Deliveries: opening, parts, quarantine, commit, decisions, and the ledger."""

from __future__ import annotations

import json

from costwire_db_handler import errors
from costwire_db_handler.openapi.ledger import (
    COMMITTED,
    OPENED,
    REJECTED,
    UNCHANGED,
)
from costwire_db_handler.openapi.manifest import MANIFEST, QUARANTINED
from costwire_db_handler.openapi.parts import operation
from costwire_db_handler.upload import ARROW, NDJSON
from costwire_db_handler.users import Role
from costwire_runtime.openapi import (
    JSON,
    Failure,
    Node,
    answer,
    content,
    in_path,
    listed,
    query,
    record,
    ref,
)

_TEXT: Node = {"type": "string"}
QUARANTINE_LINE = json.dumps(QUARANTINED, ensure_ascii=False) + "\n"

TOLD_LINE = json.dumps({"row": "1", **QUARANTINED}, ensure_ascii=False) + "\n"

COMMIT = in_path(
    "commit", {"type": "integer", "minimum": 1}, "The number of a delivery.", COMMITTED["commit"]
)
DRY_RUN = query(
    "dryRun", {"enum": ["true", "false"]}, "`true`: tell what would happen, and keep nothing."
)
UNKNOWN: Failure = (
    errors.UnknownDelivery,
    "no delivery has the number 99; GET /deliveries lists them",
)
NOT_OPEN: Failure = (
    errors.DeliveryNotOpen,
    "delivery 1 is committed; nothing can be added to it",
)
_ONE_ENTRY = content(ref("Entry"), committed=COMMITTED)
_OPENING = {
    "type": "object",
    "required": ["entry", "parts", "changes"],
    "properties": {
        "entry": ref("Entry"),
        "parts": {
            "description": "The numbers of the parts that need not be sent again.",
            **listed(ref("Count")),
        },
        "changes": {
            "description": "Whether it may be told by its changes instead of the whole.",
            "type": "boolean",
        },
    },
    "additionalProperties": False,
}
_SEQ = [COMMIT, query("seq", ref("Count"), "Which part it is: 0, 1, 2, ...", required=True)]
_CHANGES = query(
    "changes", {"enum": ["true", "false"]}, "`true`: settle what was sent of its changes."
)
_PART: Node = {
    ARROW: {"schema": {"description": "An Arrow IPC stream of texts, or of dictionaries of them."}}
}
_BAD_PART: tuple[Failure, ...] = (
    (errors.BadPart, "stage a part: say which one it is with ?seq=0, 1, 2, ..."),
    (
        errors.PartDiffers,
        "stage part 0: it was staged before with other bytes; abort the delivery and open it anew",
    ),
)


def _decision(name: str, summary: str, example: Node, *wrong: str) -> Node:
    state = example["state"]
    return operation(
        "ledger",
        name,
        Role.WRITER,
        summary,
        parameters=[COMMIT],
        answers={"200": answer("The entry", content(ref("Entry"), JSON, **{state: example}))},
        fails=[UNKNOWN, *((errors.WrongState, detail) for detail in wrong)],
    )


PATHS: Node = {
    "/deliveries": {
        "post": operation(
            "deliveries",
            "openDelivery",
            Role.WRITER,
            "Announce a delivery",
            description="The same manifest again finds the same open delivery.",
            parameters=[DRY_RUN],
            body=content(ref("Manifest"), september=MANIFEST),
            answers={
                "200": answer(
                    "There is nothing to send: readers see this content already",
                    content(
                        _OPENING, unchanged={"entry": UNCHANGED, "parts": [], "changes": False}
                    ),
                ),
                "201": answer(
                    "It is open",
                    content(_OPENING, opened={"entry": OPENED, "parts": [], "changes": True}),
                ),
            },
            fails=[
                (errors.BadManifest, "read the manifest: table: Field required"),
                (
                    errors.TableTaken,
                    "deliver to teams: will has a table of this name; drop it, or use another",
                ),
                (
                    errors.TooManyOpen,
                    "open a delivery: 100 are open; finish or abort some "
                    "(DELETE /deliveries/<commit>)",
                ),
            ],
        ),
        "get": operation(
            "ledger",
            "listDeliveries",
            Role.READER,
            "The ledger, oldest first",
            parameters=[query("table", ref("TableName"), "Of this table alone.")],
            answers={
                "200": answer(
                    "The entries",
                    content(
                        record({"deliveries": listed(ref("Entry"))}),
                        two={"deliveries": [COMMITTED, UNCHANGED]},
                    ),
                )
            },
        ),
    },
    "/deliveries/{commit}": {
        "get": operation(
            "ledger",
            "showDelivery",
            Role.READER,
            "One entry of the ledger",
            parameters=[COMMIT],
            answers={"200": answer("The entry", _ONE_ENTRY)},
            fails=[UNKNOWN],
        ),
        "delete": operation(
            "deliveries",
            "abortDelivery",
            Role.WRITER,
            "Give up an open delivery",
            parameters=[COMMIT],
            answers={"204": answer("It is given up")},
            fails=[UNKNOWN, (errors.DeliveryNotOpen, "abort 1: it is committed already")],
        ),
    },
    "/deliveries/{commit}/parts": {
        "post": operation(
            "deliveries",
            "stagePart",
            Role.WRITER,
            "Send a part of an open delivery",
            description="The same bytes again change nothing.",
            parameters=_SEQ,
            body=_PART,
            answers={"204": answer("It is kept")},
            fails=[UNKNOWN, NOT_OPEN, *_BAD_PART],
        )
    },
    **{
        f"/deliveries/{{commit}}/changes/{kind}": {
            "post": operation(
                "deliveries",
                f"stage{kind.capitalize()}",
                Role.WRITER,
                f"Send a part of what a delivery {told}",
                description="Where it may be told by its changes; the same bytes again change "
                "nothing.",
                parameters=_SEQ,
                body=_PART,
                answers={"204": answer("It is kept")},
                fails=[
                    UNKNOWN,
                    NOT_OPEN,
                    *_BAD_PART,
                    (
                        errors.ChangesDoNotApply,
                        f"stage part 0 of {kind}: the manifest tells no changes",
                    ),
                ],
            )
        }
        for kind, told in (("added", "adds"), ("removed", "takes away"))
    },
    "/deliveries/{commit}/quarantine": {
        "post": operation(
            "deliveries",
            "setQuarantine",
            Role.WRITER,
            "Send the rows that the exporter could not use, instead of those sent before",
            parameters=[COMMIT],
            body=content(_TEXT, NDJSON, one=QUARANTINE_LINE),
            answers={"204": answer("They are kept")},
            fails=[
                UNKNOWN,
                NOT_OPEN,
                (errors.BadPart, "read the quarantine: line 1 is no JSON"),
            ],
        ),
        "get": operation(
            "ledger",
            "listQuarantine",
            Role.READER,
            "The rows of a delivery that could not be used, and were not repaired",
            parameters=[COMMIT],
            answers={
                "200": answer("A `QuarantinedRow` a line", content(_TEXT, NDJSON, one=TOLD_LINE))
            },
            fails=[UNKNOWN],
        ),
    },
    "/deliveries/{commit}/commit": {
        "post": operation(
            "deliveries",
            "commitDelivery",
            Role.WRITER,
            "Verify what was sent against the manifest, and settle it in one step",
            description="A repeated commit answers the same entry.",
            parameters=[COMMIT, DRY_RUN, _CHANGES],
            answers={"200": answer("The settled entry", _ONE_ENTRY)},
            fails=[
                UNKNOWN,
                (errors.DeliveryNotOpen, "commit 1: it was aborted; open it anew"),
                (
                    errors.ChangesDoNotApply,
                    "commit the changes of 2: readers do not see the delivery that it changes; "
                    "send the whole of it",
                ),
                (
                    errors.Unbalanced,
                    "commit: 0 charges arrived where the manifest has 2; send the missing parts",
                ),
                (
                    errors.OutsideScope,
                    "commit: charges of the billing period 2024-08-01T00:00:00Z arrived, which is "
                    "not among the declared months",
                ),
            ],
        )
    },
    "/deliveries/{commit}/accept": {
        "post": _decision(
            "acceptDelivery",
            "Let readers see a delivery that was held, superseded or rejected",
            COMMITTED,
            "accept 1: it is committed, not held or superseded or rejected",
        )
    },
    "/deliveries/{commit}/reject": {
        "post": _decision(
            "rejectDelivery",
            "Decide that a held delivery is not to be seen",
            REJECTED,
            "reject 1: it is committed, not held",
        )
    },
}
