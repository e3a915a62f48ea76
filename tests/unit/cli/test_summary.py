"""A ledger's entry in words."""

from __future__ import annotations

from typing import Any

import pytest

from costwire_cli.summary import summary, write_ledger


def an_entry(**changes: Any) -> dict[str, Any]:
    figures = {"read": "20.5", "stored": "19.5", "quarantined": "1"}
    return {
        "commit": 7,
        "id": "0" * 64,
        "table": "charges",
        "source": "report.csv",
        "state": "committed",
        "reason": None,
        "focusVersion": "1.0",
        "rows": {
            "read": 1000,
            "stored": 999,
            "quarantined": 1,
            "added": 3,
            "removed": 5,
            "corrected": 2,
            "unchanged": 994,
        },
        "sums": {"USD": {"BilledCost": figures, "ListCost": None}},
        "findings": {f"CW-{number}": number for number in range(1, 8)},
        "balanced": True,
        "times": {"committed": "2024-12-11T10:00:00.123Z"},
        **changes,
    }


def told(entry: dict[str, Any], dry_run: bool = False) -> str:
    return "\n".join(summary(entry, " --data d", dry_run=dry_run))


def test_summary_tells_rows_changes_and_sums() -> None:
    text = told(an_entry())
    assert "report.csv -> charges  (delivery 7, FOCUS 1.0)" in text
    assert "1,000 read = 999 stored + 1 quarantined" in text
    assert "3 added, 5 removed, 2 corrected, 994 unchanged" in text
    assert "USD  BilledCost 19.5 (+ 1 quarantined)" in text
    assert "ListCost" not in text


def test_summary_names_the_five_commonest_findings() -> None:
    text = told(an_entry())
    assert "7  CW-7" in text
    assert "CW-2" not in text
    assert "3  by 2 other rules" in text


@pytest.mark.parametrize(
    ("changes", "advice"),
    [
        ({}, "costwire deliveries show 7 --data d"),
        ({"state": "held", "reason": "withdraws 67 %"}, "costwire deliveries accept 7 --data d"),
        ({"rows": {"read": 1, "stored": 1}}, 'costwire sql "SELECT count(*)'),
    ],
)
def test_summary_says_what_to_do_next(changes: dict[str, Any], advice: str) -> None:
    assert advice in told(an_entry(**changes))


def test_reason_and_imbalance_are_told() -> None:
    text = told(an_entry(state="held", reason="withdraws 67 %", balanced=False))
    assert "withdraws 67 %" in text
    assert "balanced   NO" in text


def test_decisions_are_told_in_order_where_asked_for() -> None:
    held = {"act": "held", "by": None, "at": "2024-12-11T10:00:00Z", "reason": "it is empty"}
    accepted = {"act": "accepted", "by": "ann", "at": "2024-12-12T10:00:00Z", "reason": None}
    entry = an_entry(decisions=[held, accepted])
    assert "decisions" not in told(entry)
    lines = list(summary(entry, "", with_decisions=True))
    assert "  decisions  2024-12-11T10:00:00  held by the handler: it is empty" in lines
    assert "             2024-12-12T10:00:00  accepted by ann" in lines


def test_what_readers_do_not_see_yet_is_told() -> None:
    rows = {"read": 1000, "stored": 1000, "held": 1000}
    text = told(an_entry(state="held", rows=rows))
    assert "1,000 stored + 0 quarantined; 1,000 of those stored are held back" in text


def test_dry_run_is_told_as_one() -> None:
    text = told(an_entry(), dry_run=True)
    assert "would be committed" in text
    assert "nothing was changed" in text


def test_ledger_has_a_line_for_every_delivery(capsys: pytest.CaptureFixture[str]) -> None:
    write_ledger([an_entry(), an_entry(commit=8, state="unchanged")])
    header, _, first, second = capsys.readouterr().out.splitlines()
    assert header.split()[:2] == ["commit", "committed"]
    assert first.split()[:5] == ["7", "2024-12-11T10:00:00", "charges", "report.csv", "committed"]
    assert "19.5 USD" in first
    assert second.split()[0] == "8"


def test_empty_ledger_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    write_ledger([])
    assert capsys.readouterr().out == "no deliveries yet\n"


def test_names_of_drafts_that_were_mapped_are_told() -> None:
    renamed = {"name": "AmortizedCost", "column": "EffectiveCost", "value": None, "became": None}
    value = {"name": "PricingCategory", "column": "PricingCategory"}
    value |= {"value": "On-Demand", "became": "Standard"}
    text = told(an_entry(mapped=[renamed | {"cells": 1200}, value | {"cells": 7}]))
    assert "mapped         1,200  AmortizedCost -> EffectiveCost" in text
    assert "7  PricingCategory 'On-Demand' -> PricingCategory 'Standard'" in text
    assert "mapped" not in told(an_entry())
