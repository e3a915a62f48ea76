"""The audit of the locked packages: what its report comes to."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import pytest

FILE = Path(__file__).parents[3] / ".ci" / "audit.py"


@pytest.fixture(scope="module")
def audit() -> Any:
    spec = importlib.util.spec_from_file_location("audit", FILE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


CLEAN = {"name": "polars", "version": "1.0", "vulns": []}
WEAK = {
    "name": "urllib3",
    "version": "1.26.0",
    "vulns": [{"id": "PYSEC-2021-108", "fix_versions": ["1.26.5"], "aliases": []}],
}
UNKNOWN = {"name": "duckdb", "skip_reason": "not found"}


@pytest.mark.parametrize(
    ("packages", "statuses", "said"),
    [
        ([CLEAN], (0, 0), "1 packages looked up, 0 weaknesses"),
        ([CLEAN, WEAK], (1, 1), "urllib3 1.26.0: PYSEC-2021-108, mended in 1.26.5"),
        ([CLEAN, UNKNOWN], (0, 1), "not known to the index: duckdb"),
        ([UNKNOWN, UNKNOWN], (0, 1), "not done; the package index here knows no advisories"),
    ],
    ids=["clean", "weak", "partly", "not at all"],
)
def test_audit_fails_for_weaknesses_and_never_passes_unlooked_at_in_silence(
    audit: Any, packages: list[dict[str, Any]], statuses: tuple[int, int], said: str
) -> None:
    for required, expected in zip((False, True), statuses, strict=True):
        status, lines = audit.verdict({"dependencies": packages}, required=required)
        assert status == expected
        assert any(said in line for line in lines)
