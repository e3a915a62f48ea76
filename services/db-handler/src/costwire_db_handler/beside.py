"""The views beside a table: what all its charges were, and the states that readers were shown.

    <table>__versions   the report's columns, `_commit` and `_last`: the first and the last state
    <table>__states     state, commit, source, delivery, shown_at

So `WHERE 12 BETWEEN _commit AND _last` is what readers saw in state 12. Charges that they see now
have `OPEN` for `_last`; charges that nobody saw have a `_last` before their `_commit`. The names
need no quotes on either engine. No IO.
"""

from __future__ import annotations

from costwire_db_handler.errors import TableTaken

OPEN = 9_007_199_254_740_991
"""`_last` of what readers see: 2^53 - 1, exact for clients that read numbers as doubles.

CrateDB refuses the largest BIGINT.
"""
VERSIONS = "__versions"
STATES = "__states"
STATE_COLUMNS = ("state", "commit", "source", "delivery", "shown_at")


def views_of(table: str) -> tuple[str, str]:
    """The names of the views beside a table."""
    return table + VERSIONS, table + STATES


def is_view_name(table: str) -> bool:
    """Whether a table of this name would look like a view beside another."""
    return table.endswith((VERSIONS, STATES))


def require_table_name(table: str) -> None:
    """A new table may have this name; raises `TableTaken`."""
    if is_view_name(table):
        raise TableTaken(
            f"deliver to {table}: names that end in {VERSIONS} or {STATES} are those of the views "
            "beside a table; use another"
        )


def in_the_way(table: str, name: str, whose: str = "there is") -> TableTaken:
    """Why there can be no new table, where its name or that of a view of it is taken.

    `whose`: the beginning of the reason, such as `rita has`.
    """
    if name == table:
        return TableTaken(
            f"deliver to {table}: {whose} a table of this name; drop it, or use another"
        )
    return TableTaken(
        f"deliver to {table}: {whose} a table {name}, the name of a view that belongs to {table}; "
        "drop it, or use another name for the charges"
    )
