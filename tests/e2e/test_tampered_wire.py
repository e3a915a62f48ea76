"""Between exporter and scraper the text changes, ends early or stalls: nothing wrong is stored."""

from __future__ import annotations

import json
import re
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from tests.support.in_process import Pipeline
from tests.support.processes import ServiceProcess, local_get
from tests.support.reports import LONG_AGO, numbered, read_rows, sums, write_report
from tests.support.store import Store
from tests.support.waiting import until
from tests.support.wire import Altered, Wire

from costwire_scraper.outcome import Outcome

BEFORE = numbered(300)
AFTER = numbered(400)
OTHER_VALUE = "the checksum of the text differs|has another value: '217.218'"
Shown = tuple[int, dict[str, Decimal]]


@dataclass
class Scene:
    """What readers see is about to be replaced by a newer report, over a wire of ours."""

    table: str
    report: Path
    wire: Wire
    store: Store
    before: Shown
    direct: Pipeline

    def serve(self, rows: list[dict[str, str]]) -> None:
        """The report's next state; returns when the exporter serves it."""
        earlier = self.delivery()
        write_report(self.report, rows, at=self.report.stat().st_mtime + 60)
        until("the next state is served", lambda: self.delivery() != earlier)

    def delivery(self) -> str:
        """The delivery that the exporter serves now."""
        answer = local_get(f"{self.wire.url}/delivery").json()
        return str(answer["id"])

    def scrape(self, **settings: object) -> Outcome:
        """Try to deliver; once, unless told otherwise."""
        quick: dict[str, Any] = {"block_bytes": 16_384, "patience_seconds": 0.0}
        return self.direct.scrape(url=self.wire.url, **quick | settings)

    def shown(self) -> Shown:
        """What readers see."""
        return self.store.shown(self.table)

    def arrived(self) -> Shown:
        """What they are to see once the report has arrived."""
        rows = read_rows(self.report)
        return len(rows), sums(rows)["USD"]

    def states(self) -> list[str]:
        """The states of all entries of the ledger."""
        return [entry["state"] for entry in self.store.ledger(self.table)]


@contextmanager
def scene(table: str, folder: Path, store: Store) -> Iterator[Scene]:
    """An earlier report in the store, a newer one served by an exporter process."""
    direct = Pipeline(store, folder)
    report = write_report(folder / "bill.csv", BEFORE)
    assert direct.deliver(report, table).exit_status == 0
    write_report(report, AFTER, at=LONG_AGO + 60)
    exporter = ServiceProcess(
        "exporter",
        folder,
        source=report,
        table=table,
        data_dir=folder / "exporter",
        polling_interval_seconds=0.2,
    )
    with exporter.start().wait_until_ready(), Wire(exporter.url) as wire:
        yield Scene(table, report, wire, store, store.shown(table), direct)


@pytest.fixture(scope="module")
def refused(tmp_path_factory: pytest.TempPathFactory, store: Store) -> Iterator[Scene]:
    """For tests in which nothing arrives: one scene serves them all."""
    with scene("never_moved", tmp_path_factory.mktemp("refused"), store) as one:
        yield one
        assert one.shown() == one.before


@pytest.fixture(scope="module")
def moving(tmp_path_factory: pytest.TempPathFactory, store: Store) -> Iterator[Scene]:
    """For tests in which the delivery arrives in the end."""
    with scene("moved_on", tmp_path_factory.mktemp("moving"), store) as one:
        assert one.scrape().error is None
        yield one


@pytest.fixture
def repeated(moving: Scene) -> Scene:
    """The exporter serves a report that the store has not got yet, other in every charge."""
    moving.serve(moved_on(moving))
    return moving


@pytest.fixture
def revised(moving: Scene) -> Scene:
    """The exporter serves a report that the store has not got yet, which changes little."""
    moving.serve(a_little_changed(moving))
    return moving


def moved_on(scene: Scene) -> list[dict[str, str]]:
    count = len(read_rows(scene.report))
    return numbered(count + 1, EffectiveCost=f"1.{count}")


def a_little_changed(scene: Scene) -> list[dict[str, str]]:
    first, *others = read_rows(scene.report)
    return [*others, {**first, "ResourceId": f"disk-{len(others) + 1}-new"}, first]


def replaced(old: bytes, new: bytes) -> Callable[[bytes], bytes]:
    """Changes the first occurrence."""

    def change(body: bytes) -> bytes:
        assert old in body
        return body.replace(old, new, 1)

    return change


def without_line(body: bytes) -> bytes:
    lines = body.splitlines(keepends=True)
    return b"".join(lines[:50] + lines[51:])


def with_line_twice(body: bytes) -> bytes:
    lines = body.splitlines(keepends=True)
    return b"".join(lines[:50] + lines[49:])


@pytest.mark.parametrize(
    ("how", "reason"),
    [
        (replaced(b'ResourceId="disk-217"', b'ResourceId="disk-218"'), "the checksum of the text"),
        (
            replaced(b'EffectiveCost="1.25"', b'EffectiveCost="1.26"'),
            "EffectiveCost in USD adds up",
        ),
        (
            replaced(b'BilledCost="217.217"', b'BilledCost="217.218"'),
            "BilledCost in USD adds up|has another value: '217.217'",
        ),
        (replaced(b"} 217.217\n", b"} 217.218\n"), OTHER_VALUE),
        (replaced(b'ServiceName="Storage"', b'ServiceName="Stor age"'), "bytes instead of"),
        (with_line_twice, "401 samples instead of 400"),
    ],
    ids=["text label", "amount", "BilledCost", "sample's value", "a blank more", "a line twice"],
)
def test_changed_text_is_refused_and_the_reason_told(
    refused: Scene, how: Callable[[bytes], bytes], reason: str
) -> None:
    refused.wire.alter("/metrics", how)
    outcome = refused.scrape()
    assert not outcome.transient
    assert re.search(reason, outcome.error or "")
    assert refused.states()[1:] == ["aborted"] * (len(refused.states()) - 1)
    assert refused.shown() == refused.before


def test_scraper_process_ends_with_1_and_says_what_differs(refused: Scene, tmp_path: Path) -> None:
    refused.wire.alter("/metrics", replaced(b'RegionId="eu-1"', b'RegionId="eu-2"'))
    scraper = ServiceProcess(
        "scraper",
        tmp_path,
        exporter_url=refused.wire.url,
        handler_url=refused.store.url,
        handler_password=refused.store.password,
        outcome_file=tmp_path / "outcome.json",
        once="true",
    )
    with scraper.start():
        assert scraper.wait() == 1
    told = json.loads((tmp_path / "outcome.json").read_text())
    assert (told["exitStatus"], told["entry"], told["transient"]) == (1, None, False)
    assert "the checksum of the text differs. Nothing was stored" in told["error"]
    assert told["error"] in scraper.log.read_text()
    assert refused.shown() == refused.before


def test_manifest_that_promises_another_sum_is_refused(refused: Scene) -> None:
    def other_sum(body: bytes) -> bytes:
        manifest = json.loads(body)
        manifest["sums"]["USD"]["ListCost"] = {"read": "7", "published": "7", "quarantined": "0"}
        return json.dumps(manifest).encode()

    refused.wire.alter("/metrics", lambda body: body)
    refused.wire.alter("/delivery", other_sum, times=1)
    error = refused.scrape().error or ""
    assert "ListCost in USD adds up to 800 instead of 7" in error
    assert refused.shown() == refused.before


def cut_off(body: bytes) -> Altered:
    return Altered([body[: len(body) // 2]], len(body))


def ended_within_a_line(body: bytes) -> bytes:
    return body[: len(body) // 2]


def ended_after_a_line(body: bytes) -> bytes:
    return body[: body.rindex(b"\n", 0, len(body) // 2) + 1]


@pytest.mark.parametrize(
    ("how", "reason"),
    [
        (cut_off, "read exposition"),
        (ended_within_a_line, "it ended within a line"),
        (ended_after_a_line, "it ended after"),
        (without_line, "it ended after"),
    ],
    ids=["connection cut", "shorter, within a line", "shorter, after a line", "a line dropped"],
)
def test_text_that_ends_early_is_worth_another_try_and_never_stored(
    refused: Scene, how: Callable[[bytes], bytes | Altered], reason: str
) -> None:
    refused.wire.alter("/metrics", how)
    outcome = refused.scrape()
    assert outcome.transient
    assert reason in (outcome.error or "")
    assert "committed" not in refused.states()[1:]
    assert refused.shown() == refused.before


def trickled(body: bytes) -> Altered:
    """A byte now and then, for longer than anybody waits."""

    def pieces() -> Iterator[bytes]:
        for at in range(40):
            yield body[at : at + 1]
            time.sleep(0.05)

    return Altered(pieces(), len(body))


def test_text_that_trickles_is_given_up_in_time(refused: Scene) -> None:
    refused.wire.alter("/metrics", trickled)
    started = time.monotonic()
    error = refused.scrape(stall_seconds=0.5).error or ""
    assert re.search("nothing came for 0.5 seconds|the answer comes too slowly", error)
    assert time.monotonic() - started < 10
    assert refused.shown() == refused.before


def test_broken_transfers_are_repeated_and_the_delivery_arrives_once(repeated: Scene) -> None:
    def damaged(body: bytes) -> Altered:
        packed = bytearray(zlib.compress(body, wbits=31))
        packed[len(packed) // 2] ^= 0xFF
        return Altered([bytes(packed)], len(packed), "gzip")

    before = repeated.states()
    kinds = iter((cut_off, damaged, ended_after_a_line))
    repeated.wire.alter("/metrics", lambda body: next(kinds)(body), times=3)
    assert repeated.scrape(patience_seconds=30).error is None
    assert repeated.states() == [*before, "committed"]
    assert repeated.store.ledger(repeated.table)[-1]["balanced"]
    assert repeated.shown() == repeated.arrived()


def test_delivery_that_is_replaced_meanwhile_gives_way_to_the_newer_one(repeated: Scene) -> None:
    before = repeated.states()
    newer = moved_on(repeated)
    repeated.wire.before("/metrics", lambda: repeated.serve(newer))
    assert repeated.scrape(patience_seconds=30).error is None
    assert repeated.shown() == repeated.arrived()
    assert repeated.shown()[0] == len(newer)
    assert repeated.states().count("committed") == before.count("committed") + 1
    assert repeated.store.ledger(repeated.table)[-1]["rows"]["read"] == len(newer)


def test_slow_wire_delivers_all_the_same(repeated: Scene) -> None:
    def slowly(body: bytes) -> Altered:
        def pieces() -> Iterator[bytes]:
            for at in range(0, len(body), 8_192):
                yield body[at : at + 8_192]
                time.sleep(0.02)

        return Altered(pieces(), len(body))

    repeated.wire.alter("/metrics", slowly, times=1)
    assert repeated.scrape().error is None
    assert repeated.shown() == repeated.arrived()


def test_changes_of_a_delivery_that_is_replaced_meanwhile_give_way(revised: Scene) -> None:
    before = revised.states()
    revised.wire.before("/changes/removed", lambda: revised.serve(a_little_changed(revised)))
    assert revised.scrape(patience_seconds=30).error is None
    assert revised.shown() == revised.arrived()
    assert revised.states().count("committed") == before.count("committed") + 1


@pytest.mark.parametrize(
    ("path", "how"),
    [
        ("/changes/added", replaced(b'ListCost="2"', b'ListCost="3"')),
        ("/changes/added", replaced(b'ServiceName="Storage"', b'ServiceName="Storagf"')),
        ("/changes/added", lambda body: body + body),
        ("/changes/added", lambda body: b""),
    ],
    ids=["an amount", "a letter", "twice", "nothing"],
)
def test_changes_that_were_altered_are_refused_and_the_whole_arrives(
    revised: Scene, path: str, how: Callable[[bytes], bytes]
) -> None:
    before = revised.states()
    revised.wire.alter(path, how, times=1)
    if revised.scrape().error is not None:  # what is cut off is tried again
        assert revised.scrape().error is None
    assert revised.states() == [*before, "committed"]
    assert revised.shown() == revised.arrived()
