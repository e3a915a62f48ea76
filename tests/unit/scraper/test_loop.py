"""When cycles run, and what they leave behind."""

from __future__ import annotations

import errno
import json
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from costwire_scraper.errors import ExporterReading, ExporterSilent, WrongExposition
from costwire_scraper.loop import LONGEST_PAUSE_SECONDS, Loop, pause_after
from costwire_scraper.metrics import Metrics
from costwire_scraper.outcome import Outcome, OutcomeFile

SETTLED = Outcome({"state": "committed", "rows": {}, "balanced": True})


def a_loop(
    cycle: Callable[[], Outcome],
    metrics: Metrics | None = None,
    patience_seconds: float = 10,
    outcome_file: OutcomeFile | None = None,
) -> Loop:
    return Loop(
        cycle,
        metrics=metrics or Metrics(),
        outcome_file=outcome_file or OutcomeFile(None),
        patience_seconds=patience_seconds,
        interval_seconds=0.01,
        jitter=lambda: 0.0,
    )


def ending(*results: Outcome | Exception) -> Callable[[], Outcome]:
    waiting: Iterator[Outcome | Exception] = iter(results)

    def cycle() -> Outcome:
        result = next(waiting)
        if isinstance(result, Exception):
            raise result
        return result

    return cycle


def test_transient_trouble_is_tried_again() -> None:
    assert a_loop(ending(ExporterSilent("not yet"), SETTLED)).run_once() == SETTLED


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (
            OSError(errno.ENOSPC, "No space left on device", "/spool/x"),
            "/spool/x: No space left on device; free some room there, or choose another folder "
            "for temporary files (SCRAPER_SPOOL_DIR)",
        ),
        (
            OSError(errno.EMFILE, "Too many open files"),
            "Too many open files; let the scraper open more files (ulimit -n)",
        ),
        (
            PermissionError(errno.EACCES, "Permission denied", "password"),
            "password: Permission denied",
        ),
    ],
)
def test_lack_of_something_here_is_told_and_tried_again(error: OSError, told: str) -> None:
    outcome = a_loop(ending(error), patience_seconds=0).run_once()
    assert (outcome.error, outcome.transient) == (told, True)
    assert a_loop(ending(error, SETTLED)).run_once() == SETTLED


def test_server_that_asks_to_be_left_alone_longer_than_patience_lasts_is_left_alone() -> None:
    busy = ExporterSilent("503", retry_after_seconds=3_600)
    outcome = a_loop(ending(busy, SETTLED)).run_once()
    assert (outcome.error, outcome.transient) == ("503", True)


def test_report_that_is_being_read_takes_no_patience() -> None:
    reading = [ExporterReading("the first report is being read")] * 3
    loop = a_loop(ending(*reading, SETTLED), patience_seconds=0.6)
    assert loop.run_once() == SETTLED


def test_waiting_for_the_exporter_is_no_outcome(tmp_path: Path) -> None:
    told = tmp_path / "outcome.json"
    seen: list[bool] = []
    results = iter([ExporterReading("being read")] * 3)

    def cycle() -> Outcome:
        seen.append(told.exists())
        if (waiting := next(results, None)) is not None:
            raise waiting
        return SETTLED

    metrics = Metrics()
    loop = a_loop(cycle, metrics, outcome_file=OutcomeFile(told))
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    while not told.exists():
        thread.join(0.01)
    loop.stop()
    thread.join(10)
    assert seen[:4] == [False] * 4
    assert json.loads(told.read_text())["exitStatus"] == 0


def test_refusal_is_not_tried_again() -> None:
    outcome = a_loop(ending(WrongExposition("changed"), SETTLED)).run_once()
    assert outcome.error == "changed"
    assert outcome.exit_status == 1


def test_unexpected_error_ends_a_single_run_with_its_name() -> None:
    outcome = a_loop(ending(KeyError("x"), SETTLED)).run_once()
    assert outcome.error == "KeyError: 'x'"


def test_cycles_go_on_at_the_interval_until_stopped() -> None:
    metrics = Metrics()
    runs = threading.Semaphore(0)
    results = iter([SETTLED, WrongExposition("changed"), ExporterSilent("gone"), SETTLED])

    def cycle() -> Outcome:
        runs.release()
        result = next(results, SETTLED)
        if isinstance(result, Exception):
            raise result
        return result

    loop = a_loop(cycle, metrics)
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    for _ in range(5):
        assert runs.acquire(timeout=10)
    loop.stop()
    thread.join(10)
    assert not thread.is_alive()
    samples = {
        sample.labels["result"]: sample.value
        for family in metrics.registry.collect()
        for sample in family.samples
        if sample.name == "costwire_scraper_cycles_total"
    }
    assert samples["failed"] == 2
    assert samples["settled"] >= 2


@pytest.mark.parametrize("jitter", [0.0, 1.0])
def test_pauses_grow_to_a_limit(jitter: float) -> None:
    pauses = [pause_after(failures, jitter) for failures in range(1, 40)]
    assert pauses == sorted(pauses)
    assert 0 < pauses[0] <= 0.5
    assert LONGEST_PAUSE_SECONDS / 2 <= pauses[-1] <= LONGEST_PAUSE_SECONDS
