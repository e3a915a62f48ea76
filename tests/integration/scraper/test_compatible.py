"""The original exporter, which knows no deliveries: its samples become one all the same."""

from __future__ import annotations

import base64
import json
from typing import Any

LINE = (
    'billed_cost{{BilledCost="{cost}",BillingCurrency="EUR",BillingPeriodEnd="2024-10-01T00:00:00Z",'
    'BillingPeriodStart="2024-09-01T00:00:00Z",ChargePeriodStart="0001-01-01T00:00:00Z",'
    'ResourceId="/subs/1/vm-{number}",SubAccountName="",Tags="env: prod;org: acme"}} {value}\n'
)
HEAD = "# HELP billed_cost \n# TYPE billed_cost gauge\n"


def original_text(*costs: str) -> bytes:
    """What the original exporter serves: labels sorted, empty cells as empty labels."""
    lines = [
        LINE.format(cost=cost, number=number, value="0.1") for number, cost in enumerate(costs)
    ]
    return (HEAD + "".join(lines)).encode()


def test_samples_become_charges(bench: Any) -> None:
    bench.exporter.text = original_text("0.10", "1e3", "-2.5")
    outcome = bench.run(table="old_costs")
    assert outcome.exit_status == 0
    assert outcome.entry is not None
    assert outcome.entry["table"] == "old_costs"
    first, *_ = bench.handler.visible.to_pylist()
    assert first == {
        "BilledCost": "0.10",
        "BillingCurrency": "EUR",
        "BillingPeriodEnd": "2024-10-01T00:00:00Z",
        "BillingPeriodStart": "2024-09-01T00:00:00Z",
        "ChargePeriodStart": None,
        "ResourceId": "/subs/1/vm-0",
        "SubAccountName": None,
        "Tags": '{"env": "prod", "org": "acme"}',
    }


def test_manifest_tells_exact_sums_and_periods(bench: Any) -> None:
    bench.exporter.text = original_text("0.10", "1e3", "-2.5")
    bench.run()
    manifest = bench.handler.deliveries["1"]["manifest"]
    assert manifest.source == "http://exporter.test"
    assert manifest.sums["EUR"]["BilledCost"].published == "997.6"
    assert manifest.sums["EUR"]["ListCost"] is None
    (period,) = manifest.scope.billing_periods
    assert (period.start.month, period.end.month) == (9, 10)


def test_unreadable_cost_is_quarantined(bench: Any) -> None:
    bench.exporter.text = original_text("0.10", "NaN", "2.5")
    outcome = bench.run()
    assert outcome.exit_status == 3
    delivery = bench.handler.deliveries["1"]
    assert bench.handler.visible.column("BilledCost").to_pylist() == ["0.10", "2.5"]
    (row,) = [json.loads(line) for line in delivery["quarantine"].splitlines()]
    assert (row["line"], row["column"]) == (2, "BilledCost")
    assert json.loads(base64.b64decode(row["raw"]))["BilledCost"] == "NaN"


def test_samples_that_are_no_charges_are_left_out(bench: Any) -> None:
    bench.exporter.text = original_text("1") + b'go_info{version="1"} 1\nup 1\n'
    assert bench.run().exit_status == 0
    delivery = bench.handler.deliveries["1"]
    assert bench.handler.visible.num_rows == 1
    assert delivery["manifest"].findings["CW-NoCharge"].count == 2


def test_unchanged_samples_are_delivered_once_at_an_interval(bench: Any) -> None:
    bench.exporter.text = original_text("1", "2")
    loop = bench.loop(once=False)
    loop.run_once()
    bench.handler.log.clear()
    assert loop.run_once().repeated
    assert bench.handler.log == ["GET 1"]


def test_samples_are_taken_only_when_they_stand_still(bench: Any) -> None:
    whole = original_text(*map(str, range(40)))
    growing = iter([whole[:900], whole[:2_000]])
    bench.exporter.text = whole
    bench.exporter.spoil = lambda text: next(growing, text).rpartition(b"\n")[0] + b"\n"
    assert bench.run().exit_status == 0
    assert bench.handler.visible.num_rows == 40


def test_exporter_without_samples_is_waited_for(bench: Any) -> None:
    bench.exporter.text = b""
    outcome = bench.run(patience_seconds=0)
    assert outcome.exit_status == 1
    assert outcome.error is not None
    assert "serves no samples yet" in outcome.error
    assert bench.handler.log == []


def test_samples_of_something_else_are_refused(bench: Any) -> None:
    bench.exporter.text = b'up{job="x"} 1\n'
    outcome = bench.run()
    assert outcome.exit_status == 1
    assert outcome.error is not None
    assert "BilledCost" in outcome.error


def test_many_blocks_give_many_parts(bench: Any) -> None:
    bench.exporter.text = original_text(*[f"{number}.5" for number in range(300)])
    assert bench.run(block_bytes=4_096).exit_status == 0
    assert len(bench.handler.deliveries["1"]["parts"]) > 10
    assert bench.handler.visible.num_rows == 300
