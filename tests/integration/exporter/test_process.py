"""The exporter as a process of its own: start, signals, and what a user is told."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest

from costwire_runtime.client import HttpClient, HttpFailure

WriteReport = Callable[..., Path]
Start = Callable[..., AbstractContextManager[tuple["subprocess.Popen[str]", str]]]


def environment(tmp_path: Path, **settings: str) -> dict[str, str]:
    told = {"PORT": "0", "DATA_DIR": str(tmp_path / "data")} | settings
    inherited = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    return inherited | {f"EXPORTER_{name}": value for name, value in told.items()}


@pytest.fixture
def start(tmp_path: Path) -> Start:
    """Start an exporter; gives the process and its URL once it serves."""

    @contextmanager
    def run(**settings: str) -> Iterator[tuple["subprocess.Popen[str]", str]]:
        address = tmp_path / "address"
        process = subprocess.Popen(
            [sys.executable, "-m", "costwire_exporter"],
            env=environment(tmp_path, ADDRESS_FILE=str(address), **settings),
            stderr=subprocess.PIPE,
            text=True,
        )
        try:
            deadline = time.monotonic() + 20
            while not address.exists():
                assert process.poll() is None, process.communicate()[1]
                assert time.monotonic() < deadline
                time.sleep(0.02)
            yield process, address.read_text().strip()
        finally:
            process.kill()
            process.communicate()

    return run


def wait_until_ready(client: HttpClient) -> None:
    deadline = time.monotonic() + 20
    while True:
        try:
            client.get("/-/ready")
        except HttpFailure:
            assert time.monotonic() < deadline
            time.sleep(0.02)
        else:
            return


def failed_start(tmp_path: Path, **settings: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "costwire_exporter"],
        env=environment(tmp_path, **settings),
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


def test_process_serves_and_ends_at_once_when_told(start: Start, write_report: WriteReport) -> None:
    with start(SOURCE=str(write_report({}))) as (process, url), HttpClient(url) as client:
        wait_until_ready(client)
        assert "billed_cost{" in client.get("/metrics").text
        client.close()
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0


def test_killed_process_serves_again_what_it_had_published(
    start: Start, write_report: WriteReport
) -> None:
    path = write_report({})
    with start(SOURCE=str(path)) as (process, url), HttpClient(url) as client:
        wait_until_ready(client)
        before = client.get("/metrics").content
        process.kill()
        process.wait(10)
    (path.parent.parent / "address").unlink()
    path.unlink()
    with start(SOURCE=str(path)) as (_, url), HttpClient(url) as client:
        assert client.get("/metrics").content == before


@pytest.mark.parametrize(
    ("settings", "status", "said"),
    [
        ({}, 2, "EXPORTER_SOURCE: is not set"),
        ({"SOURCE": "a", "PERIOD": "2024"}, 2, "write it as YYYY-MM"),
        ({"SOURCE": "ftp://a/b.csv"}, 1, "open a source: ftp:// is not a kind of source"),
        ({"SOURCE": "a", "WEB_CONFIG_FILE": "missing.yml"}, 1, "read missing.yml"),
    ],
    ids=["no source", "no month", "unknown scheme", "no web configuration"],
)
def test_wrong_setting_ends_the_start_in_one_readable_line(
    tmp_path: Path, settings: dict[str, str], status: int, said: str
) -> None:
    done = failed_start(tmp_path, **settings)
    assert done.returncode == status
    assert said in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_second_exporter_on_one_folder_is_refused(
    start: Start, write_report: WriteReport, tmp_path: Path
) -> None:
    path = str(write_report({}))
    with start(SOURCE=path):
        done = failed_start(tmp_path, SOURCE=path)
    assert done.returncode == 1
    assert "another exporter uses it" in done.stderr


def test_prometheus_reads_both_forms(start: Start, write_report: WriteReport) -> None:
    promtool = shutil.which("promtool")
    if promtool is None:
        wanted = "prometheus" in os.environ.get("COSTWIRE_TEST_REQUIRE", "").split(",")
        missing = pytest.fail if wanted else pytest.skip
        missing("promtool: it is not on PATH; install Debian's package prometheus")
    odd = {"cost.center, old": "a", "job": "b", "__name__": 'c"\\', "x_é": "d", "servicename": "e"}
    path = str(write_report(odd, odd, {"BilledCost": ""}))
    with start(SOURCE=path) as (_, url), HttpClient(url) as client:
        wait_until_ready(client)
        for form in ("/metrics", "/metrics?by=ServiceName,job,x_é,servicename"):
            text = client.get(form).content
            done = subprocess.run(
                [promtool, "check", "metrics"], input=text, capture_output=True, check=False
            )
            remarks = [line for line in done.stderr.decode().splitlines() if line]
            assert all("should be written in 'snake_case'" in remark for remark in remarks)
            assert done.returncode in (0, 3)
