"""What the handler's metrics count of a delivery, and of what is none."""

from __future__ import annotations

from datetime import UTC, datetime

from prometheus_client import CollectorRegistry

from costwire_db_handler import erasing
from costwire_db_handler.ledger import Act, Rows, State
from costwire_db_handler.metrics import HandlerMetrics

NOW = datetime(2024, 12, 11, 10, tzinfo=UTC)


def value(registry: CollectorRegistry, name: str, **labels: str) -> float | None:
    return registry.get_sample_value(f"costwire_db_handler_{name}", {"table": "charges", **labels})


def test_held_delivery_that_is_accepted_is_counted_once() -> None:
    registry = CollectorRegistry()
    metrics = HandlerMetrics(registry)
    held = erasing.note("charges", "aws", State.HELD, 7, NOW).settled(
        rows=Rows(read=5, stored=2, quarantined=2), balanced=False
    )
    held = held.decided(NOW, Act.HELD)
    accepted = held.settled(
        state=State.COMMITTED, rows=Rows(read=5, stored=2, quarantined=2, added=2)
    ).decided(NOW, Act.ACCEPTED)
    metrics.settled(held.entry)
    metrics.settled(accepted.entry)
    assert value(registry, "charges_total", fate="quarantined") == 2
    assert value(registry, "unbalanced_deliveries_total") == 1
    assert value(registry, "charges_total", fate="added") == 2
    assert value(registry, "deliveries_total", state="held") == 1
    assert value(registry, "deliveries_total", state="committed") == 1


def test_erasures_and_retirements_are_no_deliveries() -> None:
    registry = CollectorRegistry()
    metrics = HandlerMetrics(registry)
    rows = Rows(erased=3, retired=4)
    for state in (State.ERASED, State.RETIRED):
        note = erasing.note("charges", erasing.SOURCE, state, 7, NOW).settled(rows=rows)
        metrics.settled(note.entry)
        assert value(registry, "deliveries_total", state=state.value) is None
    assert value(registry, "last_settled_timestamp_seconds") is None
    assert value(registry, "charges_total", fate="erased") == 3
    assert value(registry, "charges_total", fate="retired") == 4
