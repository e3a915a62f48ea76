"""What schemathesis makes of the descriptions is sent to services: no fault, hang or growth."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.support.flavour_upstream import FlavourUpstream
from tests.support.kubernetes_estates import Estate
from tests.support.needs import lack
from tests.support.processes import CEILING_MIB, ServiceProcess
from tests.support.reports import charges, write_report

SECONDS = int(os.environ.get("COSTWIRE_TEST_SCHEMATHESIS", "0"))
SEED = os.environ.get("COSTWIRE_TEST_SEED", "20240901")
TOOL = ("uvx", "--quiet", "--from", "schemathesis==4.32.5", "st")
HOOKS = Path(__file__).parents[1] / "support" / "schemathesis_bodies.py"
CHECKS = (
    *("not_a_server_error", "status_code_conformance", "content_type_conformance"),
    *("response_headers_conformance", "response_schema_conformance", "unsupported_method"),
)
LONGEST_ANSWER_SECONDS = 60
START_SECONDS = 180
INSTALL_SECONDS = 60

pytestmark = [
    pytest.mark.timeout(SECONDS + 2 * START_SECONDS),
    pytest.mark.skipif(
        not SECONDS, reason="schemathesis: COSTWIRE_TEST_SCHEMATHESIS tells no seconds"
    ),
]


@pytest.fixture(scope="module", autouse=True)
def _installed() -> None:
    """schemathesis, in an environment of its own."""
    try:
        subprocess.run(
            [*TOOL, "--version"], check=True, capture_output=True, timeout=INSTALL_SECONDS
        )
    except (OSError, subprocess.SubprocessError) as error:
        lack("schemathesis", f"uvx did not install it ({type(error).__name__}); make setup")


@pytest.fixture
def exporter(tmp_path: Path) -> Iterator[ServiceProcess]:
    report = write_report(tmp_path / "bill.csv", charges({}, {"BilledCost": "many"}))
    told = {"source": report, "data_dir": tmp_path / "data"}
    with ServiceProcess("exporter", tmp_path, **told) as service:
        yield service.start().wait_until_ready()


@pytest.fixture
def handler(tmp_path: Path) -> Iterator[ServiceProcess]:
    with ServiceProcess("db-handler", tmp_path, data_dir=tmp_path / "data") as service:
        yield service.start().wait_until_ready()


@pytest.fixture
def aggregator(tmp_path: Path) -> Iterator[ServiceProcess]:
    with FlavourUpstream("kubernetes", Estate(7).series("kubernetes")) as upstream:
        named = {"PROMETHEUS_ADDRESS": upstream.url}
        with ServiceProcess("aggregator", tmp_path, environment=named) as service:
            yield service.start().wait_until_ready()


def assert_withstands(service: ServiceProcess, folder: Path, *options: str) -> None:
    """Every operation that the service describes answers what comes, as it says that it does."""
    asked = subprocess.run(
        [
            *(*TOOL, "run", f"{service.url}/openapi.json", f"--checks={','.join(CHECKS)}"),
            *(f"--max-time={SECONDS}", f"--request-timeout={LONGEST_ANSWER_SECONDS}"),
            *("--max-examples=100", "--continue-on-failure", "--no-shrink", "--no-color"),
            *("--warnings=off", "--generation-database=none", f"--seed={SEED}", *options),
        ],
        env=os.environ | {"SCHEMATHESIS_HOOKS": HOOKS.stem, "PYTHONPATH": str(HOOKS.parent)},
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=SECONDS + START_SECONDS,
        check=False,
    )
    print(asked.stdout)  # noqa: T201 -- its figures, for `pytest -s`
    assert asked.returncode == 0, asked.stdout + asked.stderr
    generated = re.search(r"([0-9,]+) generated", asked.stdout)
    assert generated
    assert int(generated[1].replace(",", "")) > 0
    assert service.is_ready()
    assert service.peak_mib() < CEILING_MIB
    assert '"level": "ERROR"' not in service.log.read_text(encoding="utf-8")


def test_exporter_withstands_what_its_description_allows(
    exporter: ServiceProcess, tmp_path: Path
) -> None:
    assert_withstands(exporter, tmp_path)


def test_handler_withstands_what_its_description_allows(
    handler: ServiceProcess, tmp_path: Path
) -> None:
    password = (tmp_path / "data" / "admin.password").read_text(encoding="utf-8").strip()
    assert_withstands(handler, tmp_path, f"--auth=costwire:{password}")


def test_aggregator_withstands_what_its_description_allows(
    aggregator: ServiceProcess, tmp_path: Path
) -> None:
    # Where it has no route for a method it tells the ICOS document, as the original does.
    assert_withstands(aggregator, tmp_path, "--exclude-checks=unsupported_method")
