"""Conditions on charges, as `filter=` and `--where` take them: a small part of SQL.

    ServiceName = 'Compute' AND Tags['env'] IN ('dev', 'test') AND NOT BilledCost = 0

Comparisons of a column or a tag with a value, `IN`, `LIKE` (`\\` escapes), `BETWEEN`, `IS NULL`,
`AND`, `OR`, `NOT` and brackets. Names are those of reports, in any case; one with blanks or dots
stands in double quotes. Values are always bound.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from costwire_db_handler.answers.speech import Fragment, Speech
from costwire_db_handler.errors import BadQuestion

if TYPE_CHECKING:
    from sqlglot import exp

MOST_CHARACTERS = 16_384
_TRUE = Fragment("1 = 1")


class Condition:
    """A condition that was read, not yet in the words of an engine.

    What parses is loaded with the first condition: it is a tenth of a handler's start.
    """

    def __init__(self, tree: exp.Expr | None, text: str) -> None:
        self._tree = tree
        self.text = text

    @classmethod
    def read(cls, text: str) -> Condition:
        """Read a condition; an empty one holds for every charge.

        Raises: `BadQuestion` with line and column of what cannot be read.
        """
        if not text.strip():
            return cls(None, "")
        if len(text) > MOST_CHARACTERS:
            raise BadQuestion(f"read the condition: it has more than {MOST_CHARACTERS:,} letters")
        from costwire_db_handler.answers.condition_trees import tree_of

        try:
            return cls(tree_of(text), text)
        except RecursionError:
            raise BadQuestion("read the condition: it is nested too deeply") from None

    @property
    def holds_for_all(self) -> bool:
        """Whether nothing is asked."""
        return self._tree is None

    def sql(self, speech: Speech) -> Fragment:
        """The condition in the words of an engine; raises `BadQuestion`."""
        if self._tree is None:
            return _TRUE
        from costwire_db_handler.answers.condition_trees import written

        try:
            return written(self._tree, speech)
        except RecursionError:
            raise BadQuestion("read the condition: it is nested too deeply") from None

    def without_values(self) -> str:
        """The condition with `?` in place of its values; names and keys of tags stay."""
        if self._tree is None:
            return ""
        from costwire_db_handler.answers.condition_trees import without_values

        return without_values(self._tree)


def read_instant(text: str) -> datetime:
    """An instant in UTC, without zone; a missing zone is UTC. Raises `BadQuestion`."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise BadQuestion(
            f"{text!r} is no time; write it like 2024-09-01 or 2024-09-01T00:00:00Z"
        ) from None
    if moment.tzinfo is not None:
        try:
            moment = moment.astimezone(UTC).replace(tzinfo=None)
        except OverflowError:
            raise BadQuestion(f"{text!r} is no time in the years 1 to 9999") from None
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)
