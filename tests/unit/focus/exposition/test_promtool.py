"""Prometheus' own tool accepts what is rendered; its lint may only mind the labels' spelling."""

import shutil
import subprocess
from pathlib import Path

import pytest

GOLDEN = Path(__file__).parents[3] / "golden" / "charges.prom"
ALLOWED = "label names should be written in 'snake_case' not 'camelCase'"
LINT_ONLY = 3


@pytest.fixture(scope="module")
def promtool() -> str:
    found = shutil.which("promtool")
    if found is None:
        pytest.skip("promtool: not on PATH; Debian's package prometheus has it")
    return found


def check(promtool: str, text: bytes) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [promtool, "check", "metrics"], input=text, capture_output=True, check=False, timeout=60
    )


def test_promtool_minds_nothing_but_the_case_of_labels(promtool):
    done = check(promtool, GOLDEN.read_bytes())
    assert done.returncode in (0, LINT_ONLY), done.stderr
    remarks = (done.stdout + done.stderr).decode().splitlines()
    assert [remark for remark in remarks if ALLOWED not in remark] == []


def test_promtool_refuses_a_value_that_is_not_closed(promtool):
    assert check(promtool, b'billed_cost{a="1} 1\n').returncode not in (0, LINT_ONLY)
