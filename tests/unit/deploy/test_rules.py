"""The alert rules that are shipped: Prometheus takes them, and they tell what they should."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.support.composition import ROOT

from costwire_db_handler import metrics

RULES = ROOT / "deploy" / "prometheus" / "rules.yml"
COST = 'costwire_db_handler_quarantined_cost_ratio{table="charges",currency="EUR"}'
UNKNOWN = 'costwire_db_handler_quarantined_unknown_charges_ratio{table="charges"}'
CHARGES = 'costwire_db_handler_quarantined_charges_ratio{table="charges"}'


def rules() -> list[dict[str, Any]]:
    groups = yaml.safe_load(RULES.read_text(encoding="utf-8"))["groups"]
    return [rule for group in groups for rule in group["rules"]]


def promtool(*arguments: object) -> str:
    found = shutil.which("promtool")
    if found is None:
        pytest.skip("promtool: not on PATH; Debian's package prometheus has it")
    run = subprocess.run(
        [found, *map(str, arguments)], capture_output=True, text=True, check=False, timeout=60
    )
    assert run.returncode == 0, run.stdout + run.stderr
    return run.stdout


def test_prometheus_takes_the_rules() -> None:
    assert f"{len(rules())} rules found" in promtool("check", "rules", RULES)


def test_rules_ask_for_metrics_that_there_are() -> None:
    known = {metric.full_name(metrics.SERVICE) for metric in metrics.ALL_METRICS}
    for rule in rules():
        assert set(re.findall(r"costwire_\w+", rule["expr"])) <= known


def test_prometheus_is_given_the_rules() -> None:
    text = (RULES.parent / "prometheus.yml").read_text(encoding="utf-8")
    assert yaml.safe_load(text)["rule_files"] == [RULES.name]


def test_a_share_in_quarantine_is_told_after_a_quarter_of_an_hour(tmp_path: Path) -> None:
    told = {
        "table": "charges",
        "severity": "warning",
    }
    cases = {
        "rule_files": [str(RULES)],
        "evaluation_interval": "1m",
        "tests": [
            {
                "interval": "1m",
                "input_series": [
                    {"series": COST, "values": "0x9 0.25x40 0x9"},
                    {"series": CHARGES, "values": "0.005x60"},
                    {"series": UNKNOWN, "values": "0.5x60"},
                ],
                "alert_rule_test": [
                    {"eval_time": "20m", "alertname": "CostwireMoneyInQuarantine"},
                    {
                        "eval_time": "30m",
                        "alertname": "CostwireMoneyInQuarantine",
                        "exp_alerts": [
                            {
                                "exp_labels": {**told, "currency": "EUR"},
                                "exp_annotations": {
                                    "summary": "25% of the EUR in charges is in quarantine",
                                    "description": "Readers do not see it. costwire quarantine "
                                    "list --table charges says which rules were broken.",
                                },
                            }
                        ],
                    },
                    {"eval_time": "55m", "alertname": "CostwireMoneyInQuarantine"},
                    {
                        "eval_time": "30m",
                        "alertname": "CostwireUnknownMoneyInQuarantine",
                        "exp_alerts": [
                            {
                                "exp_labels": told,
                                "exp_annotations": {
                                    "summary": "nobody knows the cost of 50% of the rows of "
                                    "charges: they are in quarantine",
                                    "description": "Their BilledCost cannot be read. costwire "
                                    "quarantine list --table charges says which rules were broken.",
                                },
                            }
                        ],
                    },
                    {"eval_time": "55m", "alertname": "CostwireChargesInQuarantine"},
                ],
            }
        ],
    }
    path = tmp_path / "test.yml"
    path.write_text(yaml.safe_dump(cases), encoding="utf-8")
    assert "SUCCESS" in promtool("test", "rules", path)
