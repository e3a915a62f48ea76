"""The states that readers of a table were shown, as the view beside it tells them.

A state is noted before the flip, and the view leaves out the attempt that is under way and those
that were undone: so it has a state from the very moment on in which readers see it.
"""

from __future__ import annotations

from collections.abc import Sequence

from costwire_db_handler.beside import STATE_COLUMNS, views_of
from costwire_db_handler.delivery import Delivery
from costwire_db_handler.names import quoted
from costwire_db_handler.stores.cratedb.cluster import Session
from costwire_focus.canonical import to_text

_COLUMNS = ", ".join(map(quoted, STATE_COLUMNS))
# Found by its key, the row of the table is read as it is at that moment.
_HIDDEN = (
    "SELECT array_append(coalesce(undone, []), "
    "coalesce(CASE WHEN outcome IS NULL THEN attempt END, -1)) "
    "FROM costwire.tables WHERE name = '{table}'"
)


def create_view(table: str, horizon: int) -> str:
    """The statement that makes the view of a table's states, or makes it anew.

    `horizon`: the first state that it tells.
    """
    _, states = views_of(table)
    return (
        f"CREATE OR REPLACE VIEW doc.{quoted(states)} AS SELECT {_COLUMNS} FROM costwire.states "
        f"WHERE table_name = '{table}' AND state >= {horizon:d} "
        f"AND NOT (state = ANY(({_HIDDEN.format(table=table)})))"
    )


def note(session: Session, delivery: Delivery) -> None:
    """Note the state that a delivery is about to make; may be repeated."""
    entry = delivery.entry
    if delivery.applied is None or entry.times.committed is None:
        return
    session.execute(
        f"INSERT INTO costwire.states (table_name, {_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?) "
        "ON CONFLICT DO NOTHING",
        [
            entry.table,
            delivery.applied,
            entry.commit,
            entry.source,
            entry.id,
            to_text(entry.times.committed),
        ],
        repeatable=True,
    )
    session.execute("REFRESH TABLE costwire.states")


def forget(session: Session, table: str, numbers: Sequence[int]) -> None:
    """Take away the notes of attempts that were undone; no reader has seen them."""
    session.execute(
        "DELETE FROM costwire.states WHERE table_name = ? AND state = ANY(?)",
        [table, list(numbers)],
        repeatable=True,
    )


def complete(session: Session) -> None:
    """Note the states that a handler of an earlier version made."""
    session.execute("REFRESH TABLE costwire.deliveries, costwire.states")
    made = "FROM costwire.deliveries WHERE applied IS NOT NULL AND NOT dry_run"
    ((known,),) = session.execute("SELECT count(*) FROM costwire.states").rows
    ((settled,),) = session.execute(f"SELECT count(*) {made}").rows
    if settled <= known:
        return
    session.execute(
        f"INSERT INTO costwire.states (table_name, {_COLUMNS}) "
        '(SELECT table_name, applied, "commit", source, id, (entry::OBJECT(IGNORED))'
        f"['times']['committed']::TIMESTAMP WITHOUT TIME ZONE {made}) ON CONFLICT DO NOTHING",
        repeatable=True,
    )
    session.execute("REFRESH TABLE costwire.states")
