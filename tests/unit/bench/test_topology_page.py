"""What is told of a measurement of the topology."""

from __future__ import annotations

from faulty_upstreams import FAULTS
from results import Results, Run
from topology_page import page


def results() -> Results:
    """Two rounds at one cluster, and at ten."""
    found: Results = {}
    for clusters, times in ((1, 1.0), (10, 12.0)):
        run = Run(clusters, 2, "abc1234", "2026-01-02 03:04 UTC", {"cores": "2"})
        for number, seconds in enumerate((0.05 * times, 0.07 * times)):
            ours = {"seconds": seconds, "p95": seconds, "cpu": seconds, "rss": 300 << 20}
            run.add(number, {"icos": ours | {"grown": 1.0, "questions": 6.0, "bytes": 2e6}})
            run.add(number, {"original": {"seconds": 2 * seconds, "p95": 3 * seconds}})
            run.add(number, {"phases: icos: fold": {"seconds": seconds, "cpu": seconds}})
        found[clusters] = run
    closed = {"seconds": 10.0, "status": None, "bytes": 0.0}
    found[10].add(0, {f"broken: {FAULTS[0]}: original": closed})
    found[10].add(0, {f"broken: {FAULTS[0]}: icos": closed | {"status": 503.0}})
    found[10].add(0, {f"broken: {FAULTS[1]}: original": closed | {"status": 0.0}})
    return found


def test_goals_are_told_beside_what_was_measured_at_ten_clusters() -> None:
    told = page(results())
    assert "| asked anew, p95 |  | 0.80 s | 0.72 (0.60 to 0.84) s |" in told
    assert "| the original's p95 to ours | 1 |  | 3.00 (3.00 to 3.00) |" in told


def test_growth_is_what_a_cluster_costs_at_each_number() -> None:
    assert "| ours: ICOS document | 60.0 | 72.0 | 1.20 |" in page(results())


def test_each_program_and_phase_has_its_line() -> None:
    told = page(results())
    spread = "60.0 (50.0 to 70.0)"
    line = f"| ours: ICOS document | {spread} | {spread} |  | {spread} | 300 |"
    assert f"{line} 1.00 | 6.00 |  | 2.00 |" in told
    assert f"| icos: fold | {spread} | {spread} |" in told
    assert "| original: ICOS document, s | 2.00 (2.00 to 2.00) |" in told


def test_what_breaks_the_programs_is_told_of_both() -> None:
    told = page(results())
    assert f"| {FAULTS[0]} | original | connection closed | 10.0 | 0.00 |" in told
    assert f"| {FAULTS[0]} | ours | 503 | 10.0 | 0.00 |" in told
    assert f"| {FAULTS[1]} | original | no answer | 10.0 | 0.00 |" in told
