"""The problems that the database handler answers with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from costwire_runtime import problems


class StoreDamaged(problems.Problem):
    """The engine found its own file damaged."""

    slug: ClassVar[str] = "store-damaged"
    title: ClassVar[str] = "The database is damaged"


class MemoryTooSmall(problems.TooLarge):
    """What is to be written needs more memory than the engine may use."""

    slug: ClassVar[str] = "memory-too-small"
    title: ClassVar[str] = "The database engine has too little memory"


class UnknownDelivery(problems.NotFound):
    """No delivery has this number."""

    slug: ClassVar[str] = "unknown-delivery"
    title: ClassVar[str] = "Unknown delivery"


class DeliveryNotOpen(problems.Conflict):
    """The delivery is no longer open, so nothing can be added to it."""

    slug: ClassVar[str] = "delivery-not-open"
    title: ClassVar[str] = "The delivery is not open"


class WrongState(problems.Conflict):
    """Only held, superseded and rejected deliveries can be accepted, only held ones rejected."""

    slug: ClassVar[str] = "wrong-state"
    title: ClassVar[str] = "Not possible in this state"


class PartDiffers(problems.Conflict):
    """A part with this number and other bytes is staged already."""

    slug: ClassVar[str] = "part-differs"
    title: ClassVar[str] = "The part differs from the one staged"


class ChangesDoNotApply(problems.Conflict):
    """What a delivery changes cannot be settled by itself; the whole of it can."""

    slug: ClassVar[str] = "changes-do-not-apply"
    title: ClassVar[str] = "The delivery is wanted as a whole"


class BadPart(problems.BadRequest):
    """The body is no Arrow IPC stream of text columns."""

    slug: ClassVar[str] = "bad-part"
    title: ClassVar[str] = "The part cannot be read"


class BadManifest(problems.BadRequest):
    """The body is no manifest of a delivery."""

    slug: ClassVar[str] = "bad-manifest"
    title: ClassVar[str] = "The manifest cannot be read"


class BadUpload(problems.BadRequest):
    """The body is no list of records."""

    slug: ClassVar[str] = "bad-upload"
    title: ClassVar[str] = "The upload cannot be read"


class BadQuestion(problems.BadRequest):
    """What is asked of the charges cannot be read, or names what the table has not."""

    slug: ClassVar[str] = "bad-question"
    title: ClassVar[str] = "The question cannot be read"


class BadRates(problems.BadRequest):
    """The body is no list of exchange rates."""

    slug: ClassVar[str] = "bad-rates"
    title: ClassVar[str] = "The rates cannot be read"


class BadInvoices(problems.BadRequest):
    """The body is no list of invoices with their totals."""

    slug: ClassVar[str] = "bad-invoices"
    title: ClassVar[str] = "The list of invoices cannot be read"


class RateFrozen(problems.Conflict):
    """A finished month's rate was used in an answer, so it cannot become another."""

    slug: ClassVar[str] = "rate-frozen"
    title: ClassVar[str] = "The rate is frozen"


class QuestionTooLong(problems.AnswerTimedOut):
    """The question was not answered in the time that a question may take."""

    slug: ClassVar[str] = "question-too-long"
    title: ClassVar[str] = "The question took too long"


class QuestionTooLarge(problems.Unavailable):
    """The question wants more memory than there is for questions."""

    slug: ClassVar[str] = "question-too-large"
    title: ClassVar[str] = "The question takes too much memory"


class NoRoom(problems.Unavailable):
    """What was asked for finds no room on the handler's disk."""

    slug: ClassVar[str] = "no-room"
    title: ClassVar[str] = "There is no room for the answer"


class SumTooLarge(problems.Unprocessable):
    """A sum has more digits than it can have in the way it was taken."""

    slug: ClassVar[str] = "sum-too-large"
    title: ClassVar[str] = "A sum has too many digits"


class HistoryGone(problems.Problem):
    """The versions that an answer would need were removed after the time set for that."""

    status = 410
    slug: ClassVar[str] = "history-gone"
    title: ClassVar[str] = "The history is not kept any more"


class CannotReplay(problems.Conflict):
    """The delivery is not what readers see, or its rows cannot come back in this way."""

    slug: ClassVar[str] = "cannot-replay"
    title: ClassVar[str] = "The rows cannot be replayed"


class BadSheet(problems.BadRequest):
    """The body is no sheet of quarantined rows."""

    slug: ClassVar[str] = "bad-sheet"
    title: ClassVar[str] = "The sheet cannot be read"


class RowsBroken(problems.Unprocessable):
    """Rows of the sheet are still wrong: nothing was stored."""

    slug: ClassVar[str] = "rows-broken"
    title: ClassVar[str] = "Rows of the sheet are still broken"


class Unbalanced(problems.Unprocessable):
    """What was staged is not what the manifest says: nothing was made visible."""

    slug: ClassVar[str] = "unbalanced"
    title: ClassVar[str] = "The delivery does not balance"


class OutsideScope(problems.Unprocessable):
    """Charges of other months than those that the manifest declares: nothing was made visible."""

    slug: ClassVar[str] = "outside-scope"
    title: ClassVar[str] = "The delivery names months that it does not declare"


class TryAgain(problems.Unavailable):
    """What a client may repeat after a while."""

    pause_seconds: ClassVar[int] = 10

    def __init__(
        self, detail: str, *, headers: Mapping[str, str] | None = None, **extensions: Any
    ) -> None:
        pause = {"Retry-After": str(self.pause_seconds)}
        super().__init__(detail, headers={**pause, **(headers or {})}, **extensions)


class StoreBusy(TryAgain):
    """Another delivery is being settled, and takes its time."""

    slug: ClassVar[str] = "store-busy"
    title: ClassVar[str] = "Another delivery is being settled"


class StoreStopped(TryAgain):
    """The engine gave up a write, as on a full disk, and its file is opened anew."""

    slug: ClassVar[str] = "store-stopped"
    title: ClassVar[str] = "The database is opened anew"
    pause_seconds: ClassVar[int] = 2


class TooManyOpen(TryAgain):
    """Deliveries were opened and not finished; no more are taken."""

    slug: ClassVar[str] = "too-many-open"
    title: ClassVar[str] = "Too many deliveries are open"
    pause_seconds: ClassVar[int] = 60


class TableTaken(problems.Conflict):
    """A table of a user has the name that the charges are for."""

    slug: ClassVar[str] = "table-taken"
    title: ClassVar[str] = "The table belongs to a user"


class UnknownTable(problems.NotFound):
    """No table has this name."""

    slug: ClassVar[str] = "unknown-table"
    title: ClassVar[str] = "Unknown table"


class CannotAdopt(problems.Conflict):
    """There is no table of the original handler to be taken over, or not now."""

    slug: ClassVar[str] = "cannot-adopt"
    title: ClassVar[str] = "The table cannot be taken over"


class CannotErase(problems.Conflict):
    """Charges that are on their way would be left behind."""

    slug: ClassVar[str] = "cannot-erase"
    title: ClassVar[str] = "The charges cannot be erased now"


class UnknownUser(problems.NotFound):
    """No user has this name."""

    slug: ClassVar[str] = "unknown-user"
    title: ClassVar[str] = "Unknown user"


class UserRefused(problems.BadRequest):
    """The user cannot be made or removed as asked."""

    slug: ClassVar[str] = "user-refused"
    title: ClassVar[str] = "The user was not changed"


class TooManyFailures(problems.Problem):
    """Too many sign-ins have failed; for a while credentials are not looked at."""

    status = 429
    slug: ClassVar[str] = "too-many-failures"
    title: ClassVar[str] = "Too many sign-ins have failed"


class CannotOpen(Exception):
    """The database cannot be opened; the message says why, and what to do."""


class StoreInUse(CannotOpen):
    """Another process has the database file open."""
