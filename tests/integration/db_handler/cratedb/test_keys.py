"""Keys of charges are read in bounded pages, and exactly, however many copies a charge has."""

from __future__ import annotations

from typing import Any

import pytest
from tests.factories import a_charge, a_report, charges

from costwire_db_handler.stores.cratedb import versions
from costwire_db_handler.stores.cratedb.cluster import Answer, Session

from .deliver import deliver

OpenReplica = Any
PAGE_ROWS = 50


def test_copies_of_a_charge_come_and_go_one_by_one(
    replica: OpenReplica, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(versions, "_PAGE_ROWS", PAGE_ROWS)
    monkeypatch.setattr(versions, "_PAGE_ROWS_AT_MOST", 2 * PAGE_ROWS)
    pages: list[int] = []
    execute = Session.execute

    def watched(self: Session, statement: str, *how: Any, **more: Any) -> Answer:
        answer = execute(self, statement, *how, **more)
        if statement.startswith('SELECT "_commit", "_row", "_month", "_period"'):
            pages.append(len(answer.rows))
        return answer

    monkeypatch.setattr(Session, "execute", watched)
    store = replica().own
    many = [a_charge() for _ in range(900)]
    deliver(store, a_report([*many, *charges(100)]))
    fewer = a_report([*many[:-7], *charges(103)]).generated(hours=1)
    entry = deliver(store, fewer)
    assert (entry.rows.added, entry.rows.removed, entry.rows.unchanged) == (3, 7, 993)
    assert sum(pages) >= 1_000
    assert max(pages) <= 2 * PAGE_ROWS + 1
    found = session.execute("SELECT count(*) FROM charges WHERE resourceid = 'disk-1'").rows
    assert found == [[894]]
