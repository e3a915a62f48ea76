"""A report told by what it changes: what comes of it is what reading the whole would come to."""

from __future__ import annotations

import os
import shutil
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.support.published import published
from tests.support.reports import CHARGE

from costwire_exporter import record_index, revise
from costwire_exporter.blocks import read_exposition
from costwire_exporter.identity import Meaning
from costwire_exporter.publish import Publisher
from costwire_exporter.shelf import Delivery, Shelf
from costwire_exporter.status import Progress
from costwire_exporter.text import EXPOSITION
from costwire_focus.exposition.parse import Parser
from costwire_focus.manifest import Manifest
from costwire_focus.readers import record_hashes
from costwire_sources import open_source

WriteReport = Callable[..., Path]
Publish = Callable[..., Delivery | None]
Charge = tuple[tuple[str, str | None], ...]

HEADER = [*CHARGE, "x_Note"]
MEANING = Meaning("charges", "replace", (), None, None, None)


def line(cells: Sequence[str]) -> str:
    return ",".join('"' + cell.replace('"', '""') + '"' if cell else "" for cell in cells)


def report(*changes: dict[str, str], ends: str = "\n") -> bytes:
    """Charges, each told by how it differs from a whole one."""
    rows = [[{**CHARGE, "x_Note": "", **change}[name] for name in HEADER] for change in changes]
    return ends.join([",".join(HEADER), *map(line, rows), ""]).encode()


def many(*last: dict[str, str]) -> bytes:
    """A report of forty charges, and those that a test wants."""
    return report(*({"BilledCost": f"{number}"} for number in range(40)), *last)


def charges_of(expositions: Iterator[bytes], manifest: Manifest) -> Counter[Charge]:
    rows = Parser([]).charges(b"".join(expositions), manifest.label_columns()).to_pylist()
    return Counter(tuple(sorted((k, v) for k, v in row.items() if v is not None)) for row in rows)


def series(delivery: Delivery) -> list[str]:
    text = b"".join(delivery.text.read("identity")).decode()
    lines = [each for each in text.splitlines() if not each.startswith("#")]
    return [each.rpartition("}")[0] for each in lines]


class Shop:
    """A source that changes, what is published of it, and what a whole reading would be."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.path = folder / "bill.csv"
        self.shelf = Shelf(folder / "data", "key")
        self.at = 1_700_000_000
        self.delivery: Delivery | None = None
        self.in_order = True
        """Whether charges kept their order; else places of a finding need not be the first."""

    def put(self, body: bytes, **told: Any) -> Delivery:
        """Publish what the source holds now."""
        self.path.write_bytes(body)
        self.at += 60
        os.utime(self.path, (self.at, self.at))
        before = self.delivery and charges_of(
            self.delivery.text.read("identity"), published(self.delivery)[0]
        )
        found = self.publish(self.shelf, **told)
        assert found is not None
        self.delivery = found
        self.require_whole(found, before, **told)
        return found

    def publish(self, shelf: Shelf, **told: Any) -> Delivery | None:
        meaning = Meaning(**(vars(MEANING) | told))
        publisher = Publisher(
            meaning, shelf, level=1, on_progress=lambda _: None, is_stopping=lambda: False
        )
        reading = open_source(str(self.path), name="bills").poll(None)
        assert reading is not None
        with reading:
            return publisher(reading)

    def require_whole(self, found: Delivery, before: Counter[Charge] | None, **told: Any) -> None:
        """What was published is what an exporter publishes that never saw another report."""
        folder = self.folder / "fresh"
        shutil.rmtree(folder, ignore_errors=True)
        with Shelf(folder, "key") as shelf:
            fresh = self.publish(shelf, **told)
            manifest, charges, _ = published(found)
            expected, rows, _ = published(fresh)
        assert charges_of(found.text.read("identity"), manifest) == Counter(
            tuple(sorted((k, v) for k, v in row.items() if v is not None)) for row in rows
        )
        assert len(charges) == len(set(series(found)))
        same = {"exposition", "changes", "times", "findings"}
        assert manifest.model_dump(exclude=same) == expected.model_dump(exclude=same)
        assert manifest.findings.keys() == expected.findings.keys()
        for rule, finding in manifest.findings.items():
            whole = expected.findings[rule]
            assert (finding.count, finding.message) == (whole.count, whole.message)
            assert finding.lines
            assert not self.in_order or finding.lines == whole.lines[: len(finding.lines)]
        if manifest.changes is not None and before is not None:
            added, removed = (
                charges_of(read_exposition(found.changes(kind), "identity"), manifest)
                for kind in ("added", "removed")
            )
            assert added.total() == manifest.changes.added.samples
            assert removed.total() == manifest.changes.removed.samples
            assert removed <= before
            assert before - removed + added == charges_of(found.text.read("identity"), manifest)


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    shop = Shop(tmp_path)
    yield shop
    shop.shelf.close()


def test_what_changed_is_told_beside_the_whole(shop: Shop) -> None:
    first = shop.put(many())
    assert first.manifest["changes"] is None
    second = shop.put(many({"BilledCost": "2.5"}, {"BilledCost": "3.5"}))
    changes = second.manifest["changes"]
    assert changes["since"] == first.id
    assert (changes["added"]["samples"], changes["removed"]["samples"]) == (2, 0)
    assert second.text.is_composed
    assert not (second.folder / EXPOSITION).exists()  # which an earlier version would serve


def test_progress_is_told_where_every_record_is_known(
    write_report: WriteReport, publish: Publish
) -> None:
    rows = [{"BilledCost": f"{number}"} for number in range(40)]
    publish(write_report(*rows))
    told: list[Progress] = []
    delivery = publish(write_report(*rows[1:]), on_progress=told.append)
    assert delivery is not None
    assert delivery.manifest["changes"]["added"]["samples"] == 0
    assert told


notes = st.sampled_from(["", "a", "b,c", 'say "x"', "two\nlines", "é", "NULL"])
costs = st.sampled_from(["1", "0.1", "-2.5", "1E-7", "3", "1e3", ""])
currencies = st.sampled_from(["USD", "USD", "EUR", ""])
months = st.sampled_from(["2024-09-01T00:00:00Z", "2024-10-01T00:00:00Z"])
charges = st.fixed_dictionaries(
    {
        "x_Note": notes,
        "BilledCost": costs,
        "BillingCurrency": currencies,
        "BillingPeriodStart": months,
        "ServiceName": st.sampled_from(["Storage", "Compute"]),
    }
)
days = st.lists(
    st.tuples(st.lists(charges, max_size=6), st.integers(0, 6), st.integers(0, 3), st.booleans()),
    min_size=2,
    max_size=5,
)


@settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(charges, min_size=1, max_size=12), days)
def test_any_sequence_of_reports_is_what_reading_each_as_a_whole_is(
    tmp_path_factory: pytest.TempPathFactory,
    first: list[dict[str, str]],
    later: list[tuple[list[dict[str, str]], int, int, bool]],
) -> None:
    shop = Shop(tmp_path_factory.mktemp("bills"))
    rows, seen = first, set()
    with shop.shelf:
        for come, at, gone, turned in [([], 0, 0, False), *later]:
            at = min(at, len(rows))
            rows = rows[:at] + come + rows[at + gone :]
            rows = rows[::-1] if turned else rows
            shop.in_order = shop.in_order and not turned
            body = report(*rows)
            if not rows or body in seen:
                continue
            seen.add(body)
            delivery = shop.put(body)  # where it is held against the whole
            assert delivery.manifest["rows"]["read"] == len(rows)
            assert len(series(delivery)) == delivery.manifest["rows"]["published"]


def test_revisions_follow_one_another_until_the_text_is_written_anew(shop: Shop) -> None:
    rows = [{"BilledCost": f"{number}.5"} for number in range(60)]
    shop.put(report(*rows))
    composed = []
    for day in range(12):
        rows[day] = {"BilledCost": f"{day}.25"}
        delivery = shop.put(report(*rows))
        assert delivery.manifest["changes"] is not None
        composed.append(delivery.text.is_composed)
    assert composed[0]
    assert not all(composed)


def test_revision_goes_on_after_a_restart(shop: Shop) -> None:
    shop.put(report({}, {"BilledCost": "2"}))
    shop.put(report({}, {"BilledCost": "3"}))
    shop.shelf.close()
    shop.shelf = Shelf(shop.folder / "data", "key")
    assert shop.shelf.current is not None
    assert shop.put(report({}, {"BilledCost": "4"})).manifest["changes"] is not None


def test_text_that_is_composed_is_served_in_each_encoding(shop: Shop) -> None:
    import gzip

    import zstandard

    shop.put(many())
    text = shop.put(many({"BilledCost": "2.5"})).text
    assert text.is_composed
    whole = b"".join(text.read("identity"))
    assert gzip.decompress(b"".join(text.read("gzip"))) == whole
    packed = zstandard.ZstdDecompressor().stream_reader(
        b"".join(text.read("zstd")), read_across_frames=True
    )
    assert packed.read() == whole


def test_report_that_was_written_anew_as_it_was_is_what_is_served(shop: Shop) -> None:
    body = report({}, {"BilledCost": "2"})
    first = shop.put(body)
    os.utime(shop.path, (shop.at + 5, shop.at + 5))
    assert shop.publish(shop.shelf) is None
    assert shop.shelf.current is not None
    assert shop.shelf.current.id == first.id


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        ([{}], [{"x_Team": "a"}], {}),
        ([{}], [{}, {"BilledCost": "many"}], {}),
        ([{}, {"BilledCost": "many"}], [{}], {}),
        ([{}], [{"BilledCost": "2"}], {"currency": "USD"}),
        ([{}], [{"BilledCost": "2"}], {"dates": "mdy"}),
        ([{}], [{"BilledCost": "2"}], {"map_legacy": True}),
        (
            [{"ServiceName": "A", "ServiceCategory": "Compute"}],
            [
                {"ServiceName": "A", "ServiceCategory": "Compute"},
                {"ServiceName": "A", "ServiceCategory": "Storage"},
            ],
            {},
        ),
    ],
    ids=["columns", "unusable", "was unusable", "currency", "dates", "legacy", "relation"],
)
def test_what_is_not_certain_is_read_as_a_whole(
    write_report: WriteReport,
    publish: Publish,
    before: list[dict[str, str]],
    after: list[dict[str, str]],
    told: dict[str, Any],
) -> None:
    assert publish(write_report(*before), **told) is not None
    manifest, rows, _ = published(publish(write_report(*after), **told))
    assert manifest.changes is None
    assert len(rows) == manifest.rows.published


def test_report_of_which_much_changed_is_read_as_a_whole(shop: Shop) -> None:
    shop.put(report(*({"BilledCost": f"{number}"} for number in range(300))))
    changed = shop.put(report(*({"BilledCost": f"{number}.5"} for number in range(300))))
    assert changed.manifest["changes"] is None


def test_records_that_cannot_be_told_apart_are_read_as_a_whole(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = record_hashes._hashes

    def alike(texts: Any) -> Any:
        found = real(texts)
        found["hash"] = 7
        return found

    monkeypatch.setattr(record_hashes, "_hashes", alike)
    shop.put(report({}, {"BilledCost": "2"}))
    assert shop.put(report({}, {"BilledCost": "3"})).manifest["changes"] is None


def test_records_taken_for_one_another_are_found_by_the_second_count(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = record_hashes._hashes
    monkeypatch.setattr(record_hashes, "_hashes", lambda texts: np.zeros_like(real(texts)))
    shop.put(report({}, {"BilledCost": "2"}))
    assert shop.put(report({}, {"BilledCost": "3"})).manifest["changes"] is None


def test_fault_while_changes_are_told_costs_a_reading_and_no_delivery(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    shop.put(report({}, {"BilledCost": "2"}))
    monkeypatch.setattr(revise, "parted", lambda *_: 1 / 0)
    assert shop.put(report({}, {"BilledCost": "3"})).manifest["changes"] is None
    assert "ZeroDivisionError" in caplog.text


def test_text_is_copied_where_a_file_cannot_have_two_names(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: object) -> None:
        raise PermissionError("no hard links here")

    monkeypatch.setattr(os, "link", refused)
    shop.put(many())
    assert shop.put(many({"BilledCost": "2.5"})).text.is_composed


@pytest.mark.parametrize("sign", ["format", "hashes", "rules"])
def test_index_of_another_machine_or_version_is_left_alone(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, sign: str
) -> None:
    shop.put(report({}, {"BilledCost": "2"}))
    if sign == "format":
        monkeypatch.setattr(record_index, "_FORMAT", 2)
    elif sign == "rules":
        monkeypatch.setattr(record_index, "version", lambda name: f"later {name}")
    else:
        monkeypatch.setattr(record_index, "sample_hash", lambda: "other")
    assert shop.put(report({}, {"BilledCost": "3"})).manifest["changes"] is None


@pytest.mark.parametrize("name", ["index.json", "records", "labels", "pairs.npz"])
def test_damaged_index_costs_a_reading_and_no_delivery(shop: Shop, name: str) -> None:
    first = shop.put(many())
    (first.folder / name).write_bytes(b"")
    assert shop.put(many({"BilledCost": "2.5"})).manifest["changes"] is None
    assert shop.put(many({"BilledCost": "3.5"})).manifest["changes"] is not None


def test_report_of_more_charges_than_memory_holds_is_read_as_a_whole(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(record_index, "_MOST_ROWS", 20)
    told = [shop.put(many({"BilledCost": f"{day}.5"})).manifest["changes"] for day in range(3)]
    assert told == [None] * 3


def test_finding_whose_place_is_not_known_costs_the_index_and_no_delivery(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(record_index.RecordPlaces, "of", lambda *place: {}[place])
    shop.put(many({"BillingPeriodStart": CHARGE["BillingPeriodEnd"]}))
    assert shop.put(many({"BilledCost": "2.5"})).manifest["changes"] is None


def test_labels_of_charges_that_left_do_not_gather_for_ever(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(record_index, "_MOST_LABELS", 1)
    told = [shop.put(report({"BilledCost": f"{day}"})).manifest["changes"] for day in range(5)]
    assert [changes is not None for changes in told] == [False, True, False, True, False]


def test_lines_that_end_otherwise_are_records_of_their_own(shop: Shop) -> None:
    body = many()
    shop.put(body)
    for other, added in (
        (body + b"\n\n", 1),
        (body[:-1], 1),
        (body.replace(b"\n", b"\r\n"), 40),
    ):
        assert shop.put(other).manifest["changes"]["added"]["samples"] == added
