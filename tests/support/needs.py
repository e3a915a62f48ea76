"""Parts that a test needs and that a machine may lack: found, or the test is skipped."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import NoReturn

import pytest

REQUIRED = frozenset(os.environ.get("COSTWIRE_TEST_REQUIRE", "").replace(",", " ").split())
_DEBIAN = Path("/usr/bin")
_ROOT = Path(__file__).parents[2]


def lack(part: str, reason: str) -> NoReturn:
    """Skip the test, or fail it where `COSTWIRE_TEST_REQUIRE` names the part."""
    if part in REQUIRED:
        pytest.fail(f"{part}: {reason}, and COSTWIRE_TEST_REQUIRE asks for it")
    pytest.skip(f"{part}: {reason}")


def executable(name: str) -> str:
    """A program of Debian's package prometheus."""
    found = shutil.which(name) or shutil.which(name, path=str(_DEBIAN))
    return found or lack(
        "prometheus", f"{name} is not on PATH; apt-get install --no-install-recommends prometheus"
    )


def focus_sample() -> Path:
    """The FOCUS project's sample report: 1,000 charges of September 2024."""
    told = os.environ.get("COSTWIRE_TEST_FOCUS_SAMPLE")
    path = Path(told) if told else _ROOT.parent / "shared" / "data" / "focus_sample_1.0.csv"
    if not path.is_file():
        lack("focus-sample", f"{path} is not there; name it with COSTWIRE_TEST_FOCUS_SAMPLE")
    return path


def faketime() -> Path:
    """Debian's library that sets the clocks of processes."""
    found = sorted(Path("/usr/lib").glob("*/faketime/libfaketime.so.1"))
    return found[0] if found else lack("faketime", "apt-get install libfaketime, which is not here")
