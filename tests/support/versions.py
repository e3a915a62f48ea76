"""All versions of a table's charges, as each engine stores them."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, NamedTuple

from costwire_db_handler.stores.cratedb.cost_store import CrateDBCostStore
from costwire_db_handler.stores.cratedb.layout import OPEN
from costwire_db_handler.stores.cratedb.turns import read_row


class Version(NamedTuple):
    """One version of a charge; `ended` is the first state without it."""

    resource: str | None
    cost: Decimal | None
    opened: int
    ended: int | None

    @property
    def is_unseen(self) -> bool:
        """Whether no state has it."""
        return self.opened == self.ended


def versions(store: Any, table: str = "charges") -> list[Version]:
    """Every version that is stored, unseen ones too."""
    if isinstance(store, CrateDBCostStore):
        return sorted(_on_cratedb(store, table), key=repr)
    return sorted(_on_duckdb(store, table), key=repr)


def _on_cratedb(store: CrateDBCostStore, table: str) -> list[Version]:
    row = read_row(store._session, table)
    assert row is not None
    assert row.layout is not None
    rows = store._session.execute(
        'SELECT resourceid, billedcost::TEXT, "_commit", "_last" '  # noqa: S608
        f"FROM {row.layout.physical} LIMIT 100000"
    ).rows
    return [
        Version(resource, _amount(cost), opened, None if last == OPEN else last + 1)
        for resource, cost, opened, last in rows
    ]


def _on_duckdb(store: Any, table: str) -> list[Version]:
    with store._database.reading() as sql:
        rows = sql.execute(
            'SELECT "ResourceId", "BilledCost"::VARCHAR, _commit, _ended FROM ('  # noqa: S608
            f'SELECT *, NULL::BIGINT AS _ended FROM costwire."{table}__current" '
            f'UNION ALL BY NAME SELECT * FROM costwire."{table}__history")'
        ).fetchall()
    return [Version(resource, _amount(cost), *states) for resource, cost, *states in rows]


def _amount(text: str | None) -> Decimal | None:
    return None if text is None else Decimal(text)


def as_of(found: list[Version], state: int) -> list[tuple[str | None, Decimal | None]]:
    """What readers saw in a state."""
    return sorted(
        (
            (each.resource, each.cost)
            for each in found
            if each.opened <= state and (each.ended is None or state < each.ended)
        ),
        key=repr,
    )
