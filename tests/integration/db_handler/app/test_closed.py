"""Closed billing periods as an operator and a user of the API meet them."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from typing import Any

import pytest
from tests.factories import OCTOBER, a_report, charges

from costwire_db_handler.settings import Settings
from costwire_runtime.logs import JsonFormatter

Running = Any
SETTINGS = {
    "HANDLER_CLOSED_AFTER_DAYS": "3",
    "HANDLER_CLOSED_THROUGH": "2024-09",
    "HANDLER_CLOSED_PERIODS": "2024-08,2024-09",
}


def told_by_environment(monkeypatch: pytest.MonkeyPatch, variable: str) -> dict[str, Any]:
    monkeypatch.setenv(variable, SETTINGS[variable])
    told = Settings()
    return {name: getattr(told, name) for name in told.model_fields_set}


@pytest.mark.parametrize("variable", SETTINGS)
def test_change_of_a_closed_period_waits_for_a_person(
    run: Callable[..., Running], monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    running = run(**told_by_environment(monkeypatch, variable))
    admin = running.admin
    assert admin.deliver(a_report(charges(30)))["state"] == "committed"
    held = admin.deliver(a_report(charges(31)).generated(hours=1))
    assert (held["state"], held["closedPeriods"], held["rows"]["held"]) == (
        "held",
        ["2024-09"],
        31,
    )
    assert held["reason"].startswith("it would change the closed billing period 2024-09 (")
    assert admin.sql("SELECT count(*) FROM charges") == [[30]]
    writer = running.user("wanda", "writer")
    accepted = writer.post(f"/deliveries/{held['commit']}/accept").json()
    assert accepted == admin.get(f"/deliveries/{held['commit']}").json()
    assert (accepted["state"], accepted["closedPeriods"]) == ("committed", ["2024-09"])
    assert accepted["rows"]["held"] == 0
    first, second = accepted["decisions"]
    assert first == {
        "act": "held",
        "by": None,
        "at": held["times"]["committed"],
        "reason": held["reason"],
        "kind": "closed-period",
    }
    assert (second["act"], second["by"]) == ("accepted", "wanda")
    assert second["at"] == accepted["times"]["committed"]
    assert admin.sql("SELECT count(*) FROM charges") == [[31]]


def test_without_settings_nothing_is_closed(running: Running) -> None:
    running.admin.deliver(a_report(charges(30)))
    changed = running.admin.deliver(a_report(charges(31)).generated(hours=1))
    assert (changed["state"], changed["closedPeriods"]) == ("committed", [])


def test_held_deliveries_are_counted_by_kind_of_reason(run: Callable[..., Running]) -> None:
    running = run(closed_through="2024-09")
    admin = running.admin
    admin.deliver(a_report([*charges(30), *charges(30, **OCTOBER)]))
    admin.deliver(a_report(charges(31)).generated(hours=1))
    held = admin.deliver(a_report(charges(9, **OCTOBER)).generated(hours=1))
    admin.post(f"/deliveries/{held['commit']}/commit")
    admin.post(f"/deliveries/{held['commit']}/accept")
    told = running.nobody.get("/-/metrics").text.splitlines()
    counter = 'costwire_db_handler_deliveries_held_total{reason="%s",table="charges"} 1.0'
    assert counter % "closed-period" in told
    assert counter % "withdrawn" in told
    assert sum(line.startswith("costwire_db_handler_deliveries_held_total{") for line in told) == 2


@pytest.mark.parametrize(("act", "word"), [("accept", "accepted"), ("reject", "rejected")])
def test_decision_of_a_user_is_a_line_of_the_log(
    running: Running, caplog: pytest.LogCaptureFixture, act: str, word: str
) -> None:
    running.admin.deliver(a_report(charges(30)))
    held = running.admin.deliver(a_report(charges(3)).generated(hours=1))
    with caplog.at_level(logging.INFO):
        running.user("wanda", "writer").post(f"/deliveries/{held['commit']}/{act}")
    lines = [json.loads(JsonFormatter().format(record)) for record in caplog.records]
    (line,) = [each for each in lines if each["message"] == "a user decided on a delivery"]
    assert {name: line[name] for name in ("commit", "table", "source", "act", "by")} == {
        "commit": held["commit"],
        "table": "charges",
        "source": "aws",
        "act": word,
        "by": "wanda",
    }
    assert line["held_for"] == "it would withdraw 27 of 30 charges"
