"""The versions of a table as questions read them: states never change, so no lock is needed."""

from __future__ import annotations

from collections.abc import Sequence

from costwire_db_handler.answers.moments import History
from costwire_db_handler.answers.speech import Fragment
from costwire_db_handler.answers.versions import Row
from costwire_db_handler.errors import QuestionTooLong, UnknownTable
from costwire_db_handler.stores.cratedb import ledger
from costwire_db_handler.stores.cratedb.cluster import Session
from costwire_db_handler.stores.cratedb.failures import StoreTimedOut
from costwire_db_handler.stores.cratedb.speech import CrateDBSpeech
from costwire_db_handler.stores.cratedb.turns import read_row


class CrateDBVersions:
    """The versions of one table, with the rights of a caller."""

    def __init__(self, session: Session, table: str, timeout_seconds: float) -> None:
        """Raises `UnknownTable`."""
        row = read_row(session, table)
        if row is None or row.layout is None or not row.layout.shown:
            raise UnknownTable(f"there is no table {table!r} of charges")
        self._session = session
        self._timeout_seconds = timeout_seconds
        self._head = row.head
        # What readers' views do not show yet cannot be asked for.
        shown = row.layout.columns[: row.layout.shown]
        self.speech = CrateDBSpeech(row.layout.model_copy(update={"columns": shown}))

    @property
    def history(self) -> History:
        """The states that readers were shown; what came since it was first looked at is none."""
        lines = ledger.log(self._session, self.speech.table)
        known = [line for line in lines if line.applied is None or line.applied <= self._head]
        return History(self.speech.table, known)

    def rows(self, statement: Fragment) -> Sequence[Row]:
        """The rows of a query."""
        try:
            found: Sequence[Row] = self._session.execute(
                statement.text, statement.arguments, timeout_seconds=self._timeout_seconds
            ).rows
        except StoreTimedOut:
            raise QuestionTooLong(
                f"the question took more than {self._timeout_seconds:g} seconds; "
                "ask for less at a time"
            ) from None
        return found
