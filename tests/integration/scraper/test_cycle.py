"""Deliveries over the scraper's real clients; exporter and handler live in the test."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pytest
from starlette.responses import JSONResponse, Response

QUARANTINED = (
    b'{"file":"report.csv","line":7,"raw":"eA==","column":null,"rule":"CW-X","reason":"r"}\n'
)


def refusal(status: int, reason: str = "spoiled") -> JSONResponse:
    return JSONResponse({"detail": reason}, status)


def test_every_charge_arrives_as_it_was_served(bench: Any, charges: pa.Table) -> None:
    bench.exporter.serve(charges)
    outcome = bench.run()
    assert outcome.exit_status == 0
    assert bench.handler.visible == charges
    assert len(bench.handler.deliveries["1"]["parts"]) > 5
    assert bench.told()["entry"]["state"] == "committed"


def test_served_delivery_is_not_sent_again(bench: Any, charges: pa.Table) -> None:
    bench.exporter.serve(charges)
    bench.run()
    bench.handler.log.clear()
    outcome = bench.run()
    assert outcome.entry is not None
    assert outcome.entry["state"] == "unchanged"
    assert bench.handler.log == ["POST deliveries"]


def test_unchanged_exporter_costs_two_requests_at_an_interval(
    bench: Any, charges: pa.Table
) -> None:
    bench.exporter.serve(charges)
    loop = bench.loop(once=False)
    loop.run_once()
    bench.handler.log.clear()
    bench.exporter.requests.clear()
    assert loop.run_once().repeated
    assert bench.exporter.requests == ["/delivery"]
    assert bench.handler.log == ["GET 1"]


@pytest.mark.parametrize("others", [0, 1], ids=["empty", "with its number given anew"])
def test_what_a_handler_has_lost_is_delivered_again(
    bench: Any, charges: pa.Table, others: int
) -> None:
    bench.exporter.serve(charges)
    loop = bench.loop(once=False)
    loop.run_once()
    bench.handler.put_back()
    if others:
        bench.exporter.serve(charges.slice(1))
        bench.loop().run_once()
        bench.exporter.serve(charges)
    outcome = loop.run_once()
    assert (outcome.repeated, outcome.exit_status) == (False, 0)
    assert bench.handler.visible == charges
    assert loop.run_once().repeated


@pytest.mark.parametrize(
    "answer",
    [
        refusal(503),
        refusal(401),
        refusal(403),
        JSONResponse(["no entry"]),
        JSONResponse({"times": {}}),
        Response("a login page"),
        Response("a proxy knows no such path", 404),
    ],
    ids=["busy", "signed-out", "forbidden", "a-list", "no-times", "a-page", "a-page-404"],
)
def test_a_handler_that_does_not_say_is_not_delivered_to_again(
    bench: Any, charges: pa.Table, answer: Response
) -> None:
    bench.exporter.serve(charges)
    loop = bench.loop(once=False)
    loop.run_once()
    bench.handler.instead["GET 1"] = answer
    assert loop.run_once().repeated
    assert len(bench.handler.deliveries) == 1


def test_a_dry_run_is_not_asked_for_again(bench: Any, charges: pa.Table) -> None:
    bench.exporter.serve(charges)
    loop = bench.loop(once=False, dry_run=True)
    loop.run_once()
    bench.handler.log.clear()
    assert loop.run_once().repeated
    assert bench.handler.log == []


def test_one_changed_digit_is_refused_and_nothing_stays(bench: Any, charges: pa.Table) -> None:
    bench.exporter.serve(charges)
    bench.exporter.spoil = lambda text: text.replace(
        b'BilledCost="7.000000007"', b'BilledCost="7.000000008"'
    )
    outcome = bench.run()
    assert outcome.exit_status == 1
    assert outcome.error is not None
    assert "BilledCost in USD adds up to" in outcome.error
    assert bench.handler.deliveries["1"]["state"] == "aborted"
    assert bench.handler.visible is None


def test_changed_text_with_the_same_money_is_refused(bench: Any, charges: pa.Table) -> None:
    bench.exporter.serve(charges)
    bench.exporter.spoil = lambda text: text.replace(b'vm \\"8\\"', b'vm \\"9\\"')
    outcome = bench.run()
    assert outcome.error is not None
    assert "checksum" in outcome.error
    assert bench.handler.visible is None


@pytest.mark.parametrize("kept", [0.3, 0.999], ids=["a third", "all but the end"])
def test_cut_off_exposition_is_read_again(bench: Any, charges: pa.Table, kept: float) -> None:
    bench.exporter.serve(charges)
    spoiled = []

    def once(text: bytes) -> bytes:
        if spoiled:
            return text
        spoiled.append(True)
        return text[: int(len(text) * kept)]

    bench.exporter.spoil = once
    assert bench.run().exit_status == 0
    assert bench.handler.visible == charges
    assert bench.handler.log.count("POST deliveries") == 2
    assert bench.handler.log.count("POST parts 0") == 1, "a part that is staged is not sent again"


def test_exposition_that_stays_cut_off_fails_when_patience_ends(
    bench: Any, charges: pa.Table
) -> None:
    bench.exporter.serve(charges)
    bench.exporter.spoil = lambda text: text[:-100]
    outcome = bench.run(patience_seconds=0)
    assert outcome.exit_status == 1
    assert outcome.error is not None
    assert "it ended" in outcome.error
    assert bench.handler.visible is None


def test_new_delivery_in_between_starts_the_cycle_over(bench: Any, charges: pa.Table) -> None:
    bench.exporter.serve(charges)
    newer = charges.slice(0, 100)

    def replace(path: str) -> None:
        if path == "/metrics":
            bench.exporter.serve(newer)

    bench.exporter.before = replace
    assert bench.run().exit_status == 0
    assert bench.handler.visible == newer


def test_exporter_that_has_nothing_yet_is_waited_for(bench: Any, charges: pa.Table) -> None:
    bench.exporter.serve(charges)
    refusals = iter([refusal(503)] * 3)
    bench.exporter.before = lambda path: next(refusals, None)
    assert bench.run().exit_status == 0
    assert bench.exporter.requests.count("/delivery") == 4


def test_handler_that_fails_for_a_moment_changes_nothing_twice(
    bench: Any, charges: pa.Table
) -> None:
    bench.exporter.serve(charges)
    bench.handler.instead = {"POST parts 1": refusal(503), "POST commit": refusal(503)}
    assert bench.run().exit_status == 0
    assert bench.handler.visible == charges
    assert bench.handler.log.count("POST parts 1") == 2


def test_parts_that_were_cut_otherwise_are_thrown_away(bench: Any, charges: pa.Table) -> None:
    bench.exporter.serve(charges)
    bench.handler.instead = {"POST parts 3": refusal(400)}
    assert bench.run(block_bytes=16_384).exit_status == 1
    bench.handler.deliveries["1"]["state"] = "open"
    assert bench.run().exit_status == 0
    assert bench.handler.visible == charges
    assert bench.handler.deliveries["1"]["state"] == "aborted"


def test_counts_that_differ_at_the_handler_abort_the_delivery(
    bench: Any, charges: pa.Table
) -> None:
    bench.exporter.serve(charges)
    bench.handler.instead = {"POST commit": refusal(422, "sums differ")}
    outcome = bench.run()
    assert outcome.exit_status == 1
    assert outcome.error is not None
    assert "sums differ" in outcome.error
    assert bench.handler.deliveries["1"]["state"] == "aborted"


def test_quarantined_rows_arrive_and_show_in_the_exit_status(bench: Any, charges: pa.Table) -> None:
    bench.exporter.serve(charges, quarantine=QUARANTINED * 2)
    outcome = bench.run()
    assert outcome.exit_status == 3
    assert bench.handler.deliveries["1"]["quarantine"] == QUARANTINED * 2


def test_dry_run_changes_nothing_and_settles(bench: Any, charges: pa.Table) -> None:
    bench.exporter.serve(charges)
    outcome = bench.run(dry_run=True)
    assert outcome.exit_status == 0
    assert outcome.entry is not None
    assert outcome.entry["state"] == "committed", "what it would become"
    assert bench.handler.visible is None
    assert bench.handler.deliveries["1"]["state"] == "aborted"


def test_held_delivery_has_an_exit_status_of_its_own(bench: Any, charges: pa.Table) -> None:
    bench.exporter.serve(charges)
    bench.run()
    held = {"commit": 2, "state": "held", "rows": {}, "balanced": True}
    bench.handler.instead = {"POST deliveries": JSONResponse({"entry": held, "parts": []})}
    assert bench.run().exit_status == 4


def test_wrong_password_is_told_at_once(bench: Any, charges: pa.Table) -> None:
    bench.exporter.serve(charges)
    bench.handler.instead = {"POST deliveries": refusal(401)}
    outcome = bench.run()
    assert outcome.exit_status == 1
    assert bench.handler.log == ["POST deliveries"]


def test_report_without_charges_is_delivered(bench: Any, charges: pa.Table) -> None:
    bench.exporter.serve(charges.slice(0, 0))
    bench.run()
    assert bench.handler.deliveries["1"]["state"] == "committed"


def test_text_that_does_not_end_is_given_up_a_block_after_its_end(
    bench: Any, charges: pa.Table
) -> None:
    bench.exporter.serve(charges)
    bench.exporter.spoil = lambda text: text + b"# more\n" * 100_000
    outcome = bench.run()
    assert "is longer than the" in (outcome.error or "")
    assert not outcome.transient
    assert bench.handler.deliveries["1"]["state"] == "aborted"


@pytest.mark.parametrize("rows", [1, 3, 100_000])
def test_quarantine_of_other_rows_than_promised_is_not_handed_over(
    bench: Any, charges: pa.Table, rows: int
) -> None:
    bench.exporter.serve(charges, quarantine=QUARANTINED * 2)
    bench.exporter.quarantine = QUARANTINED * rows
    outcome = bench.run(patience_seconds=0)
    assert "read quarantine: " in (outcome.error or "")
    assert bench.handler.visible is None
    assert bench.handler.deliveries["1"]["quarantine"] == b""


def test_outcome_that_cannot_be_written_costs_no_delivery(bench: Any, charges: pa.Table) -> None:
    bench.exporter.serve(charges)
    outcome = bench.run(outcome_file=bench.folder / "gone" / "outcome.json")
    assert outcome.exit_status == 0
    assert bench.handler.visible == charges


@pytest.fixture
def changed(bench: Any, charges: pa.Table) -> pa.Table:
    """Charges that are served as what became of those that the handler shows."""
    bench.exporter.serve(charges)
    bench.run()
    later = pa.concat_tables([charges.slice(2), charges.slice(0, 1)])
    bench.exporter.serve_changes(charges.slice(0, 1).slice(0, 0), charges.slice(1, 1), later)
    for requests in (bench.exporter.requests, bench.handler.log):
        requests.clear()
    return later


def test_what_changed_alone_is_sent(bench: Any, changed: pa.Table) -> None:
    outcome = bench.run()
    assert outcome.exit_status == 0
    assert bench.exporter.requests == ["/delivery", "/changes/added", "/changes/removed"]
    assert bench.handler.log == ["POST deliveries", "POST added 0", "POST removed 0", "POST commit"]
    assert sorted(bench.handler.visible.to_pylist(), key=str) == sorted(
        changed.to_pylist(), key=str
    )


def test_handler_that_wants_the_whole_is_sent_it(bench: Any, changed: pa.Table) -> None:
    problem = {"type": "urn:costwire:problem:changes-do-not-apply", "detail": "other rows"}
    bench.handler.instead["POST commit"] = JSONResponse(problem, 409)
    outcome = bench.run()
    assert outcome.exit_status == 0
    assert bench.exporter.requests[-1] == "/metrics"
    assert bench.handler.visible == changed


def test_handler_with_another_state_is_sent_the_whole(bench: Any, changed: pa.Table) -> None:
    bench.handler.put_back()
    assert bench.run().exit_status == 0
    assert bench.exporter.requests == ["/delivery", "/metrics"]
    assert bench.handler.visible == changed


def test_changes_that_differ_from_the_manifest_are_not_taken(
    bench: Any, changed: pa.Table, caplog: pytest.LogCaptureFixture
) -> None:
    whole = bench.exporter.text
    bench.exporter.spoil = lambda text: text if text == whole else text.replace(b"vm", b"wm")
    assert bench.run().exit_status == 0
    assert bench.handler.visible == changed
    assert "the whole delivery is sent" in caplog.text


@pytest.mark.parametrize("refused", ["POST added 0", "POST removed 0", "POST commit"])
def test_way_for_changes_that_is_barred_is_none_for_the_whole(
    bench: Any, changed: pa.Table, refused: str
) -> None:
    bench.handler.instead[refused] = refusal(404 if "0" in refused else 403, "not allowed")
    assert bench.run().exit_status == 0
    assert bench.handler.visible == changed


def test_trial_of_changes_is_one_of_the_whole(bench: Any, changed: pa.Table) -> None:
    before = bench.handler.visible
    bench.handler.current = None  # a trial is never told that changes are taken
    bench.run(dry_run=True)
    bench.handler.current = "1"
    assert bench.handler.visible == before
    assert "/metrics" in bench.exporter.requests
