"""What is told of a measurement: the page of the results, and what got worse."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from bench import ROUND, told
from report import gate, page
from results import Results, Run, load, save
from stages import named

BENCH = Path(__file__).parents[3] / "bench"


def results(publish_seconds: float = 2.0, times: float = 1.0) -> Results:
    """Two rounds of a few stages; all of them `times` as long."""
    run = Run(200_000, 2, "abc1234", "2026-01-02 03:04 UTC", {"CPU": "a fast one", "cores": "2"})
    seconds = {
        "go_render": (20_000, 1.0, 3.0),
        "publish": (None, publish_seconds, publish_seconds),
        "duckdb_read_csv": (None, 1.0, 1.0),
        "pipeline_first": (None, 12.0, 14.0),
    }
    for stage, (rows, *rounds) in seconds.items():
        for number, took in enumerate(rounds):
            figures: dict[str, Any] = {"seconds": took * times, "cpu": took, "rss": 100 << 20}
            run.add(number, {stage: figures | ({"rows": rows} if rows else {})})
    run.add(0, {"pipeline_first: exporter": {"cpu": 6.0, "rss": 380 << 20}})
    run.add(0, {"start exporter": {"seconds": 1.0, "cpu": 0.9, "rss": 200 << 20, "idle_cpu": 0.0}})
    return {run.rows: run}


def test_the_page_is_rendered_from_the_file_of_results(tmp_path: Path) -> None:
    save(tmp_path / "results.json", results())
    told = page(load(tmp_path / "results.json"), {})
    assert "| pipeline first | 13.0 (12.0 to 14.0) | 15,476 |  | 13.0 | 100 |" in told
    assert "| publish / go render | 10.0 (5.00 to 15.0) |" in told
    assert (
        "| CSV to exposition, beside Go's gauge per row | 3.00x |  | 10.0x (5.00 to 15.0)" in told
    )
    assert "0.08x (0.07 to 0.08): **not met**" in told
    assert "| pipeline first: exporter | 6.00 | 380 |" in told
    assert "| exporter | 1.00 | 0.90 | 200 | 0.00 |  |" in told
    assert "Commit: abc1234" in told
    assert "CPU a fast one; cores 2." in told


def test_the_ratios_of_the_run_before_stand_beside_those_of_now() -> None:
    told = page(results(), results(publish_seconds=4.0))
    assert "| stage / baseline | x | abc1234, 2026-01-02 03:04 UTC |" in told
    assert "| publish / go render | 10.0 (5.00 to 15.0) | 5.00 (2.50 to 7.50) |" in told


def test_results_are_the_same_after_they_were_written(tmp_path: Path) -> None:
    save(tmp_path / "results.json", results())
    assert load(tmp_path / "results.json") == results()


def test_a_stage_that_a_round_lacks_is_no_number_of_that_round() -> None:
    run = Run(10, 2)
    run.add(1, {"publish": {"seconds": 4.0}})
    assert run.each("publish", "seconds") == [None, 4.0]
    assert run.median("publish", "seconds") == 4.0


def test_what_is_slower_beside_its_baseline_is_told() -> None:
    said = gate(results(publish_seconds=3.0), results())
    assert said == (
        "More than 30% worse than committed:\n"
        "- publish / go_render at 200,000 charges: 6.67x, it was 10.0x"
    )


def test_a_slower_machine_is_nothing_that_got_worse() -> None:
    said = gate(results(times=3.0), results())
    assert said == "No ratio is more than 30% worse than the committed one."


def test_results_that_have_no_like_are_compared_with_nothing() -> None:
    assert gate(results(), {}).startswith("Nothing was committed")


@pytest.mark.parametrize("seconds", [2.0, 200.0], ids=["as before", "worse"])
def test_the_gate_fails_nothing(tmp_path: Path, seconds: float) -> None:
    save(tmp_path / "now.json", results(publish_seconds=seconds))
    save(tmp_path / "before.json", results())
    files = (tmp_path / "now.json", "--against", tmp_path / "before.json")
    done = subprocess.run(
        [sys.executable, BENCH / "report.py", *files], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "more than 30% worse than" in done.stdout.casefold()


def test_a_stage_that_breaks_off_is_told_and_left_out(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    run = Run(10, 1)
    assert not told(run, 0, "unheard_of", tmp_path)
    assert run.stages == {}
    said = capfd.readouterr().err
    assert "unheard_of: there is no such stage" in said
    assert "10, round 1: unheard_of FAILED" in said


def test_every_stage_of_a_round_is_there() -> None:
    assert all(callable(named(stage)) for stage in ("generate", *ROUND, "history"))
