"""Processes of a command: found, shared, stopped, and never left behind."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest

from costwire_cli.arguments import parser
from costwire_cli.errors import CommandError
from costwire_cli.services import Service, ServiceKilled, answers
from costwire_cli.store import ADDRESS_FILE, Store, find_running

PATIENCE_SECONDS = 30.0


def until(holds: Callable[[], bool]) -> None:
    """Wait until something holds, or fail."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not holds():
        assert time.monotonic() < deadline, "it did not come about in time"
        time.sleep(0.05)


@contextmanager
def started_here() -> Iterator[list[psutil.Process]]:
    """The child processes of this one that the block started, once it is left."""
    before = set(psutil.Process().children())
    started: list[psutil.Process] = []
    yield started
    started += set(psutil.Process().children()) - before


def a_store(data: Path) -> Store:
    return Store(parser().parse_args(["ledger", "--data", str(data)]))


def an_exporter(folder: Path, **settings: str) -> Service:
    return Service(
        "exporter",
        {"SOURCE": str(folder), "DATA_DIR": str(folder / "exporter"), "PORT": "0", **settings},
        log=folder / "exporter.log",
        address_file=folder / "exporter.address",
    )


def test_handler_is_shared_while_it_runs_and_stopped_after(tmp_path: Path) -> None:
    with a_store(tmp_path) as owner:
        url = owner.connect().url
        with a_store(tmp_path) as guest:
            assert guest.connect().url == url
    assert not answers(url)
    assert find_running(tmp_path) is None


def test_owner_waits_for_its_guest_before_it_stops_the_handler(tmp_path: Path) -> None:
    owner, guest = a_store(tmp_path), a_store(tmp_path)
    url = owner.connect().url
    assert guest.connect().url == url
    with ThreadPoolExecutor(1) as pool:
        stopping = pool.submit(owner.__exit__, None, None, None)
        time.sleep(0.5)
        assert answers(url)
        guest.__exit__(None, None, None)
        stopping.result(PATIENCE_SECONDS)
    assert not answers(url)


def test_handler_that_was_killed_is_started_anew(tmp_path: Path) -> None:
    with a_store(tmp_path) as store:
        with started_here() as started:
            before = store.connect().url
        (child,) = started
        child.kill()
        until(lambda: not answers(before))
        assert (tmp_path / ADDRESS_FILE).exists(), "what is left behind must not mislead"
        after = store.connect().url
        assert answers(after)
    assert before != after


def test_commands_that_start_at_once_share_a_handler(costwire: Any, tmp_path: Path) -> None:
    with a_store(tmp_path) as store:
        store.connect()
    statement = ("sql", "SELECT 1", "--data", str(tmp_path), "--format", "csv")
    with ThreadPoolExecutor(2) as pool:
        ended = list(pool.map(lambda _: costwire(*statement), range(2)))
    assert [one.returncode for one in ended] == [0, 0], [one.stderr for one in ended]


def test_no_store_is_made_by_asking(costwire: Any, tmp_path: Path) -> None:
    ended = costwire("ledger", "--data", str(tmp_path / "none"))
    assert ended.returncode == 1
    assert "there is no store yet" in ended.stderr
    assert not (tmp_path / "none").exists()


def test_last_words_of_a_service_are_told(tmp_path: Path) -> None:
    service = an_exporter(tmp_path, PORT="not a port")
    service.start()
    with pytest.raises(CommandError, match="EXPORTER_PORT"):
        service.wait_for_address()


def test_service_waits_for_settings_that_follow(tmp_path: Path) -> None:
    service = an_exporter(tmp_path, SOURCE="")
    service.start(settings_follow=True)
    service.give({"SOURCE": str(tmp_path)})
    assert answers(service.wait_for_address())
    service.stop()
    assert service.ended() == 0


def test_settings_that_follow_are_in_no_environment(tmp_path: Path) -> None:
    service = an_exporter(tmp_path)
    with started_here() as started:
        service.start(settings_follow=True)
    (child,) = started
    service.give({"SOURCE_NAME": "secret"})
    assert answers(service.wait_for_address())
    assert "secret" not in [*child.environ().values(), *child.cmdline()]
    service.stop()


def test_service_that_ends_before_its_settings_follow_says_why(tmp_path: Path) -> None:
    service = an_exporter(tmp_path)
    with started_here() as started:
        service.start(settings_follow=True)
    (child,) = started
    child.kill()
    until(lambda: service.ended() is not None)
    service.give({"SOURCE_NAME": "late"})
    with pytest.raises(ServiceKilled, match="signal 9"):
        service.raise_if_ended()


def test_killed_service_is_told_from_one_that_ended(tmp_path: Path) -> None:
    service = an_exporter(tmp_path)
    with started_here() as started:
        service.start()
    service.wait_for_address()
    (child,) = started
    child.kill()
    until(lambda: service.ended() is not None)
    with pytest.raises(ServiceKilled, match="signal 9"):
        service.raise_if_ended()


def test_settings_of_the_user_s_environment_do_not_reach_services(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EXPORTER_SERIES_LIMIT", "nonsense")
    service = an_exporter(tmp_path)
    service.start()
    assert answers(service.wait_for_address())
    service.stop()
    assert service.ended() == 0


@pytest.mark.parametrize("victim", ["costwire_scraper", "costwire_exporter"])
def test_killed_service_is_started_again_during_a_delivery(
    costwire: Any, tmp_path: Path, a_report: Any, victim: str
) -> None:
    report = tmp_path / "report.csv"
    report.write_text(a_report("1", "2"))
    here = ("--data", str(tmp_path / "data"))
    command = [sys.executable, "-m", "costwire_cli", "run", str(report), "--once", *here]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)

    def killed() -> bool:
        for child in psutil.Process(process.pid).children():
            if child.cmdline()[-1:] == [victim]:
                child.kill()
                return True
        return False

    until(killed)
    output, _ = process.communicate(timeout=120)
    assert process.returncode == 0, output.decode()
    count = costwire("sql", "SELECT sum(BilledCost) FROM charges", *here, "--format", "csv")
    assert count.stdout.splitlines()[1] == "3"
