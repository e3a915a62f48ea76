"""Any sequence of deliveries leaves what a naive model of it leaves."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.factories import Report, a_report

from costwire_db_handler.ledger import Entry, State

Shop = Any
Content = tuple[str, str, str, str | None]
NAMES = ("BilledCost", "ServiceName", "BillingPeriodStart", "x_Note")

contents = st.tuples(
    st.sampled_from(["0.1", "0.2", "3"]),
    st.sampled_from(["Storage", "Compute"]),
    st.sampled_from(["2024-09-01T00:00:00Z", "2024-10-01T00:00:00Z", ""]),
    st.sampled_from([None, "a", "b"]),
)
deliveries = st.tuples(
    st.sampled_from(["aws", "gcp"]),
    st.lists(contents, max_size=8),
    st.sampled_from(["replace", "replace", "append"]),
    st.integers(0, 3),
    st.booleans(),
)


class Model:
    """What readers should see, kept the naive way."""

    def __init__(self) -> None:
        self.shown: dict[str, Counter[Content]] = {}

    def apply(self, source: str, rows: list[Content], mode: str, clears_all: bool) -> None:
        mine = self.shown.setdefault(source, Counter())
        periods = {row[2] for row in rows}
        if mode == "replace":
            for content in list(mine):
                if clears_all or content[2] in periods:
                    del mine[content]
        mine.update(rows)

    def everything(self) -> Counter[Content]:
        return sum(self.shown.values(), Counter())


def a_delivery(table: str, source: str, rows: list[Content], mode: Any, hours: int) -> Report:
    cells = [{n: c or None for n, c in zip(NAMES, row, strict=True)} for row in rows]
    report = a_report(cells, columns=NAMES, source=source, table=table, mode=mode, part_rows=3)
    return report.generated(hours=hours)


def seen(shop: Shop, table: str) -> Counter[Content]:
    columns = "BilledCost::text, ServiceName, BillingPeriodStart, x_note"
    rows = shop.ask(f"SELECT {columns} FROM {table}")  # noqa: S608
    return Counter(
        (cost.rstrip("0").rstrip("."), service, _period(start), note)
        for cost, service, start, note in rows
    )


def _period(milliseconds: int | None) -> str:
    if milliseconds is None:
        return ""
    return datetime.fromtimestamp(milliseconds / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def counts_of(entry: Entry) -> tuple[int, int]:
    return entry.rows.added - entry.rows.removed, entry.rows.added + entry.rows.unchanged


@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(deliveries, min_size=2, max_size=7))
def test_what_readers_see_is_what_was_delivered(
    lasting_shop: Callable[[], tuple[Shop, str]],
    told: list[tuple[str, list[Content], str, int, bool]],
) -> None:
    (shop, table), model = lasting_shop(), Model()
    known = False
    for read, (source, rows, mode, hours, accepts) in enumerate(told):
        report = a_delivery(table, source, rows, mode, hours).read_again(minutes=read)
        before = sum(model.everything().values())
        repeated = shop.open(report)
        if repeated.state is State.OPEN:
            shop.stage(repeated.commit, report)
            entry = shop.store.commit(repeated.commit, shop.tick)
            if entry.state in (State.HELD, State.SUPERSEDED) and accepts:
                assert entry.balanced
                entry = shop.store.accept(entry.commit, shop.tick)
            if entry.state in (State.COMMITTED, State.UNCHANGED):
                model.apply(source, rows, mode, clears_all=not rows)
                grown, present = counts_of(entry)
                assert grown == sum(model.everything().values()) - before
                assert present == len(rows)
        else:
            entry = repeated
            assert entry.state is State.UNCHANGED
        assert entry.balanced
        assert entry.rows.stored == len(rows)
        known = known or entry.state is State.COMMITTED
        if known:
            assert seen(shop, table) == model.everything()
