"""Running the command as its users do, and small reports to run it on."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Protocol

import pytest
from tests.support.commands import handler_of

from costwire_cli.arguments import parser
from costwire_cli.handler_api import Connection
from costwire_cli.store import Store

HEADER = (
    "BilledCost,EffectiveCost,ListCost,ContractedCost,BillingCurrency,BillingPeriodStart,"
    "BillingPeriodEnd,ChargePeriodStart,ChargePeriodEnd,ServiceName,Tags"
)
MONTH = "2024-09-01T00:00:00Z,2024-10-01T00:00:00Z"
DAY = "2024-09-02T00:00:00Z,2024-09-03T00:00:00Z"


class Command(Protocol):
    """Runs `costwire` with these arguments in a process of its own, to its end."""

    def __call__(self, *arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]: ...


@pytest.fixture(scope="session")
def a_report() -> Callable[..., str]:
    """The text of a small FOCUS report with these billed costs."""

    def text(*costs: str) -> str:
        lines = [f'{cost},1,1,1,USD,{MONTH},{DAY},vm,"{{""team"":""a, b""}}"' for cost in costs]
        return "\n".join([HEADER, *lines, ""])

    return text


@pytest.fixture(scope="session")
def costwire() -> Command:
    def run(*arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "costwire_cli", *arguments],
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
            env={**os.environ, "COLUMNS": "200"},
        )

    return run


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder for the module."""
    return tmp_path_factory.mktemp("data")


@pytest.fixture(scope="module")
def handler(data: Path) -> Iterator[Connection]:
    """A handler that owns the folder while the module's tests run."""
    args = parser().parse_args(["ledger", "--data", str(data)])
    with Store(args) as store:
        yield store.connect()


@pytest.fixture
def own_data(tmp_path: Path) -> Iterator[Path]:
    """A data folder for one test, and its handler."""
    with handler_of(tmp_path / "data"):
        yield tmp_path / "data"
