"""What questions ask of an engine: the versions of one table, as one moment has them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

import pyarrow as pa

from costwire_db_handler.answers.changed import CAME, GONE, Changed, ChangedColumns
from costwire_db_handler.answers.grouping import Months, instant_text
from costwire_db_handler.answers.moments import History
from costwire_db_handler.answers.speech import Fragment, Relation, Speech, TableColumn
from costwire_db_handler.errors import BadQuestion
from costwire_focus.manifest import month_of

if TYPE_CHECKING:
    import duckdb

Row = Sequence[object]


class Versions(Protocol):
    """All versions of a table's charges, with a caller's rights, within limits of time."""

    @property
    def speech(self) -> Speech:
        """How the engine speaks of the table."""
        ...

    @property
    def history(self) -> History:
        """The states that readers were shown."""
        ...

    def rows(self, statement: Fragment) -> Sequence[Row]:
        """The rows of a query; raises `QuestionTooLong` when it takes too long."""
        ...

    def require_kept(self, state: int) -> None:
        """Whether a state can still be told, now that it was read; raises `HistoryGone`."""
        ...

    def source_number(self, name: str) -> int:
        """The number that stands for a source; raises `BadQuestion` when there is none."""
        ...

    def charges(
        self, columns: Sequence[TableColumn], relation: Relation, where: Fragment
    ) -> Iterator[pa.RecordBatch]:
        """Charges in batches: text, amounts as text too, instants as timestamps, tags as JSON."""
        ...

    def changed(
        self, columns: ChangedColumns, where: Fragment, before: int, after: int
    ) -> AbstractContextManager[Changed]:
        """The charges of a condition that readers saw in one of two states, and not in the other.

        Raises: `QuestionTooLong`.
        """
        ...


def numbered(name: str, known: Mapping[str, int]) -> int:
    """The number of a source; raises `BadQuestion` with those that there are."""
    if name not in known:
        told = ", ".join(sorted(known)) or "none"
        raise BadQuestion(f"source {name!r}: the table has charges of {told}")
    return known[name]


_V = TypeVar("_V", bound=Versions)


class ChangedCharges(Generic[_V]):
    """Charges that went and came, as both engines load them into a DuckDB."""

    def __init__(
        self,
        versions: _V,
        sql: duckdb.DuckDBPyConnection,
        columns: ChangedColumns,
        before: int,
        after: int,
    ) -> None:
        self.sql = sql
        self._columns = columns
        self._versions = versions
        self._states = {GONE: (before, after), CAME: (after, before)}

    def newest(self) -> Sequence[tuple[int, str, str | None]]:
        """When the newest charge of each source and billing period began."""
        return newest(self._versions, self._states[GONE][0])


def months(versions: Versions, state: int) -> Months:
    """The billing periods of a state, and the months that they are by their own bounds."""
    return months_in(versions, versions.speech.visible(state))


def months_in(versions: Versions, relation: Relation) -> Months:
    """The billing periods of a relation, and their months."""
    columns = versions.speech.columns
    end = "NULL"
    if "BillingPeriodEnd" in columns:
        end = f"max({columns['BillingPeriodEnd'].sql})"
    told = relation.wanted_by(end)
    rows = versions.rows(Fragment(f'SELECT "_period", {end} FROM {told} GROUP BY 1'))
    return {str(period): _month(str(period), instant_text(last)) for period, last in rows}


def newest(versions: Versions, state: int) -> Sequence[tuple[int, str, str | None]]:
    """When the newest charge of each source and billing period of a state began."""
    speech = versions.speech
    if "ChargePeriodStart" not in speech.columns:
        return []
    began = f"max({speech.columns['ChargePeriodStart'].sql})"
    relation = speech.visible(state).wanted_by(began)
    text = f'SELECT "_source", "_period", {began} FROM {relation} GROUP BY 1, 2'
    rows = versions.rows(Fragment(text))
    return [(int(str(s)), str(period), instant_text(at)) for s, period, at in rows]


def _month(period: str, end: str | None) -> str | None:
    try:
        start = datetime.fromisoformat(period).replace(tzinfo=None)
    except ValueError:
        return None
    until = datetime.fromisoformat(end).replace(tzinfo=None) if end else None
    return month_of(start, until)
