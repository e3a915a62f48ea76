"""Names that callers send never become paths outside the data folder."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tests.factories import a_report, charges

HOSTILE = ("../../escaped", "/tmp/escaped", "..\\escaped", "a/../../escaped", "%2e%2e%2fescaped")  # noqa: S108
JSON = {"Content-Type": "application/json"}


def outside(data: Path) -> set[Path]:
    """Everything beside the data folder, and what links in it lead elsewhere."""
    beside = {path for path in data.parent.rglob("*") if data not in (path, *path.parents)}
    return beside | {path for path in data.rglob("*") if path.is_symlink()}


@pytest.mark.parametrize("name", HOSTILE)
def test_names_of_callers_write_nothing_outside_the_data_folder(run: Any, name: str) -> None:
    running = run(upload_quiet_seconds=0.1)
    data = running.settings.data_dir
    before = outside(data)
    admin = running.admin
    report = a_report(charges(3), source=name)
    hostile = json.loads(report.manifest.to_json()) | {"table": name}
    assert admin.post("/deliveries", json.dumps(hostile), headers=JSON).status_code == 400
    upload = json.dumps([{"labels": {"BilledCost": "1"}}])
    assert admin.post("/upload", upload, params={"table": name}, headers=JSON).status_code == 400
    named = {"name": name, "role": "reader", "password": "x"}
    assert admin.post("/users", json=named).status_code == 400
    assert admin.get(f"/deliveries/{name}").status_code == 404
    assert admin.open(report).status_code == 201  # a source may be called so
    assert outside(data) == before
