"""What an exporter answers is what its description says, for every operation that is described."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import bcrypt
import pytest
import requests
from tests.support.openapi import assert_as_told, faults, operations

from costwire_exporter.app import create_app
from costwire_exporter.openapi import document
from costwire_exporter.settings import Settings
from costwire_runtime.asgi import AsgiAdapter
from costwire_runtime.web_config import WebConfig

DOCUMENT = document()
DESCRIBED = {operation.path: operation for operation in operations(DOCUMENT)}
GUARDED = [path for path, each in DESCRIBED.items() if each.told.get("security") != []]
OPEN = [path for path in DESCRIBED if path not in GUARDED]
CACHED = [path for path in GUARDED if "304" in DESCRIBED[path].told["responses"]]
SCHEMAS: dict[str, Any] = DOCUMENT["components"]["schemas"]
CHANGES = "/changes/"
BROKEN = {"BilledCost": "many"}

WriteReport = Callable[..., Path]
Ask = Callable[..., requests.Response]
Run = Callable[..., AbstractContextManager[Ask]]


@pytest.fixture
def run(
    settings_for: Callable[..., Settings], wait_until: Callable[[Callable[[], bool]], None]
) -> Run:
    """Run an exporter; what it is asked is held against the description."""

    @contextmanager
    def running(
        source: Path, *, web_config: WebConfig | None = None, **others: Any
    ) -> Iterator[Ask]:
        with AsgiAdapter(create_app(settings_for(source, **others), web_config)) as transport:
            session = requests.Session()
            session.mount("http://", transport)

            def ask(path: str, status: int, **options: Any) -> requests.Response:
                answer = session.get(f"http://exporter{path}", timeout=30, **options)
                assert answer.status_code == status, answer.text
                assert_as_told(DOCUMENT, DESCRIBED[path.partition("?")[0]], answer)
                return answer

            if source.exists():
                ready = "http://exporter/-/ready"
                wait_until(lambda: session.get(ready, timeout=30).ok)
            yield ask

    return running


def test_answers_of_a_delivery_are_as_told(run: Run, write_report: WriteReport) -> None:
    with run(write_report({}, BROKEN, {"x_cost center": "A1"})) as ask:
        told = ask("/delivery", 200).json()
        assert told.keys() - {"exporter"} == SCHEMAS["Manifest"]["properties"].keys()
        assert told["rows"] == {"read": 3, "published": 2, "quarantined": 1}
        for encoding in ("identity", "gzip"):
            headers = {"Accept-Encoding": encoding}
            text = ask(f"/metrics?delivery={told['id']}", 200, headers=headers).text
            assert text.endswith("# costwire end samples=2\n")
            sums = ask("/metrics?by=ServiceName,x_cost%20center", 200, headers=headers).text
            assert sums.count("\nfocus_billed_cost{") == 2
            (row,) = ask("/quarantine", 200, headers=headers).text.splitlines()
            assert not faults(DOCUMENT, SCHEMAS["QuarantinedRow"], json.loads(row))


def test_row_that_could_not_be_cut_is_as_told(run: Run, write_report: WriteReport) -> None:
    report = write_report({})
    with report.open("a") as rows:
        rows.write("1.5,too,short\n")
    with run(report) as ask:
        (row,) = map(json.loads, ask("/quarantine", 200).text.splitlines())
    assert row["cells"] is None
    assert not faults(DOCUMENT, SCHEMAS["QuarantinedRow"], row)


def test_own_paths_are_as_told(run: Run, write_report: WriteReport) -> None:
    with run(write_report({})) as ask:
        for path in OPEN:
            ask(path, 200)
        ask("/-/metrics", 200, headers={"Accept": "application/openmetrics-text; version=1.0.0"})
        assert ask("/openapi.json", 200).json() == DOCUMENT


@pytest.mark.parametrize("path", GUARDED)
def test_refusals_are_as_told(
    run: Run,
    write_report: WriteReport,
    wait_until: Callable[[Callable[[], bool]], None],
    path: str,
) -> None:
    with run(write_report({}, {"ServiceName": "Compute"}), series_limit=4) as ask:
        if path.startswith(CHANGES):
            ask(path, 404)
            write_report({}, {"ServiceName": "Network"}, at=1_700_000_000)
            wait_until(lambda: bool(ask("/delivery", 200).json()["changes"]))
        assert ask(f"{path}?delivery={'0' * 64}", 412).json()["status"] == 412
        ask(f"{path}?by={'x' * 9000}", 414)
        ask(path, 431, headers={f"X-{number}": "1" for number in range(120)})
        if path == "/metrics":
            ask("/metrics?by=Servicename", 400)
            ask("/metrics?by=ServiceName", 400)
        if path in CACHED:
            etag = ask(path, 200).headers["ETag"]
            ask(path, 304, headers={"If-None-Match": etag})


@pytest.mark.parametrize("path", GUARDED)
def test_nothing_published_is_as_told(run: Run, tmp_path: Path, path: str) -> None:
    with run(tmp_path / "missing.csv") as ask:
        problem = ask(path, 503).json()
        ask("/-/ready", 503)
    assert not faults(DOCUMENT, SCHEMAS["Standing"], problem["exporter"])


def test_failure_of_a_look_at_the_source_is_as_told(
    run: Run, write_report: WriteReport, wait_until: Callable[[Callable[[], bool]], None]
) -> None:
    report = write_report({})
    with run(report) as ask:
        report.unlink()
        wait_until(lambda: ask("/delivery", 200).json()["exporter"]["lastFailure"] is not None)
        told = ask("/delivery", 200, headers={"Prefer": "wait=1"}).json()
    assert "there is no such file" in told["exporter"]["lastFailure"]["reason"]


def test_sign_in_is_as_told(run: Run, write_report: WriteReport) -> None:
    users = {"ann": bcrypt.hashpw(b"s3cret", bcrypt.gensalt(4)).decode()}
    with run(write_report({}), web_config=WebConfig(users)) as ask:
        for path in GUARDED:
            assert ask(path, 401).headers["WWW-Authenticate"].startswith("Basic")
            ask(path, 401, auth=("ann", "wrong"))
            ask(path, 404 if path.startswith(CHANGES) else 200, auth=("ann", "s3cret"))
        for path in OPEN:
            ask(path, 200)
