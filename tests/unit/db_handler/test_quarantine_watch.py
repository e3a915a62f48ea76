"""The gauges of the quarantine are those of the deliveries that readers see."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from prometheus_client import CollectorRegistry

from costwire_db_handler import erasing
from costwire_db_handler.ledger import Entry, Rows, State, SumLine
from costwire_db_handler.metrics import HandlerMetrics
from costwire_db_handler.quarantine_watch import QuarantineWatch
from costwire_db_handler.quarantined import RuleCount
from costwire_db_handler.standing import QuarantineOf, standing

NOW = datetime(2024, 12, 11, 10, tzinfo=UTC)


def an_entry(commit: int, quarantined: int, cost: str, currency: str = "USD", **rows: int) -> Entry:
    line = SumLine(read="0", stored="3", quarantined=cost)
    return (
        erasing.note("charges", "aws", State.COMMITTED, commit, NOW)
        .settled(
            rows=Rows(**{"stored": 3, **rows}, quarantined=quarantined),
            sums={currency: {"BilledCost": line, "ListCost": None}},
        )
        .entry
    )


@dataclass
class Told:
    """A store that tells of these deliveries."""

    entries: list[Entry] = field(default_factory=list)
    is_away: bool = False

    @property
    def own(self) -> Any:
        return self

    def standing(self, table: str | None = None) -> list[Entry]:
        if self.is_away:
            raise OSError("away")
        return [entry for entry in self.entries if table in (None, entry.table)]

    def quarantines(self, table: str | None = None) -> list[QuarantineOf]:
        rules = [RuleCount.of("CW-AmountUnreadable", "BilledCost", 1, 0)]
        aside = [entry for entry in self.standing(table) if entry.rows.quarantined]
        return [QuarantineOf(entry, rules) for entry in aside]


def test_share_of_rows_and_money() -> None:
    registry = CollectorRegistry()
    store, metrics = Told([an_entry(1, 1, "-1"), an_entry(2, 0, "0")]), HandlerMetrics(registry)
    watch = QuarantineWatch(store, metrics, every_seconds=0)  # type: ignore[arg-type]

    def value(name: str, **labels: str) -> float | None:
        name = f"costwire_db_handler_quarantined_{name}"
        return registry.get_sample_value(name, {"table": "charges", **labels})

    store.is_away = True
    watch.look()
    assert value("charges") is None
    store.is_away = False
    watch.look()
    assert (value("charges"), value("charges_ratio")) == (1, 1 / 7)
    assert value("cost", currency="USD") == -1
    assert value("cost_ratio", currency="USD") == 1 / 7
    assert (value("unknown_charges"), value("unknown_charges_ratio")) == (1, 1 / 7)
    store.entries = [an_entry(3, 2, "3", "EUR")]
    watch.look()
    assert value("charges") == 1  # nothing was settled since
    metrics.settled(store.entries[0])
    watch.look()
    assert value("charges") == 2
    assert value("cost_ratio", currency="EUR") == 0.5
    assert value("cost_ratio", currency="USD") is None


def test_a_delivery_without_charges_stands_until_another_comes() -> None:
    whole, none = an_entry(1, 1, "1"), an_entry(2, 4, "1", stored=0)
    held = none.model_copy(update={"commit": 3, "state": State.HELD})
    assert standing([whole, none, held], {1}) == [whole, none]
    later = an_entry(5, 0, "0")
    assert [entry.commit for entry in standing([none, later], {5})] == [5]
