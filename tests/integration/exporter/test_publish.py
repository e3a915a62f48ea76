"""From files to a delivery: what is published, what is quarantined, what is refused."""

import base64
import csv
import gzip
import io
import json
import os
import threading
from collections import defaultdict
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
import pytest
from tests.support.layouts import AzureExport, Disk, month_rows
from tests.support.published import published

from costwire_exporter.blocks import ExpositionWriter, Written
from costwire_exporter.errors import CountsDisagree, NotPublishable, PublishError, Stopped
from costwire_exporter.exporter import Exporter
from costwire_exporter.identity import content_hash
from costwire_exporter.shelf import Delivery, Shelf
from costwire_exporter.status import Progress
from costwire_exporter.text import EXPOSITION
from costwire_focus.amounts import COST_COLUMNS
from costwire_focus.canonical import exact_sum
from costwire_focus.estates import TRUTH, Estate, files
from costwire_focus.recount import CsvRecount
from costwire_sources import Wanted
from costwire_sources.errors import SourceChanged
from costwire_sources.source import Part

WriteReport = Callable[..., Path]
Publish = Callable[..., Delivery | None]


def quarantined(delivery: Delivery | None) -> list[dict[str, Any]]:
    assert delivery is not None
    return [json.loads(line) for line in delivery.quarantine.read_text().splitlines()]


def test_every_cell_arrives_as_it_was_written(write_report: WriteReport, publish: Publish) -> None:
    odd = {"BilledCost": "1E-20", "Tags": '{"a\\"b": "line\nbreak"}', "x_Empty": "", "job": "é"}
    manifest, (charge,), text = published(publish(write_report(odd)))
    assert {name: charge.get(name) for name in odd} == odd | {"x_Empty": None}
    assert text.startswith("# HELP billed_cost ")
    assert text.endswith("# costwire end samples=1\n")
    assert "} 1E-20\n" in text
    assert manifest.label_columns()["U__job"] == "job"


def test_rows_that_differ_in_a_custom_column_alone_are_samples_of_their_own(
    write_report: WriteReport, publish: Publish
) -> None:
    rows = [{"x_Team": team, "tax_rate": "0.2", "my_x_note": "a"} for team in ("", "a", "b", "b")]
    _, charges, text = published(publish(write_report(*rows)))
    assert [charge["x_Team"] for charge in charges] == [None, "a", "b", "b"]
    assert {(charge["tax_rate"], charge["my_x_note"]) for charge in charges} == {("0.2", "a")}
    samples = [line for line in text.splitlines() if line.startswith("billed_cost{")]
    assert len(set(samples)) == len(samples) == 4


def test_manifest_says_what_was_read(write_report: WriteReport, publish: Publish) -> None:
    path = write_report({}, {"BilledCost": "-0.5", "BillingCurrency": "EUR"})
    manifest, _, _ = published(publish(path, period=("2024-09",)))
    assert manifest.source == "bills"
    assert manifest.model_dump(mode="json")["generation"] == "2024-12-11T10:00:00Z"
    assert manifest.scope.model_dump(mode="json") == {
        "declared": ["2024-09"],
        "billing_periods": [{"start": "2024-09-01T00:00:00Z", "end": "2024-10-01T00:00:00Z"}],
    }
    assert manifest.rows.model_dump() == {"read": 2, "published": 2, "quarantined": 0}
    sums = manifest.sums["EUR"]["BilledCost"]
    assert sums is not None
    assert sums.model_dump() == {"read": "-0.5", "published": "-0.5", "quarantined": "0"}
    assert manifest.recount is not None
    assert (manifest.recount.records, manifest.recount.billed_cost) == (2, "1")


def test_charges_outside_the_declared_months_are_quarantined(
    write_report: WriteReport, publish: Publish
) -> None:
    path = write_report({}, {"BillingPeriodStart": "2024-10-01T00:00:00Z", "BilledCost": "7"})
    delivery = publish(path, period=("2024-09",))
    manifest, charges, _ = published(delivery)
    assert len(charges) == 1
    assert [(row["line"], row["rule"]) for row in quarantined(delivery)] == [
        (3, "CW-OutsidePeriod")
    ]
    assert [period.start.month for period in manifest.scope.billing_periods if period.start] == [9]
    sums = manifest.sums["USD"]["BilledCost"]
    assert sums is not None
    assert sums.quarantined == "7"


def azure_export(folder: Path, **changes: object) -> Path:
    export = AzureExport(Disk(folder))
    rows = month_rows("2024-09", 3)
    (key,) = export.write("20240901-20240930", [rows])
    if changes:
        size = (folder / key).stat().st_size
        told = {"blobName": key, "byteCount": size, "dataRowCount": 3}
        export.manifest("20240901-20240930", [told | changes])
    return folder


def test_months_of_an_export_are_the_scope_of_its_delivery(
    publish: Publish, tmp_path: Path
) -> None:
    manifest, charges, _ = published(publish(azure_export(tmp_path / "a")))
    assert manifest.scope.declared == ["2024-09"]
    assert len(charges) == 3


def test_months_that_a_layout_tells_are_part_of_what_a_delivery_is(
    publish: Publish, tmp_path: Path
) -> None:
    export = azure_export(tmp_path / "a")
    declared, _, _ = published(publish(export))
    plain, _, _ = published(publish(export, wanted=Wanted("none")))
    assert plain.scope.declared is None
    assert plain.id != declared.id


def test_runs_of_an_export_are_never_appended(publish: Publish, tmp_path: Path) -> None:
    with pytest.raises(NotPublishable, match="would double them; let it replace them"):
        publish(azure_export(tmp_path / "a"), mode="append")


def test_another_name_of_the_same_content_is_published_anew(
    publish: Publish, tmp_path: Path, write_report: WriteReport
) -> None:
    path = write_report({})
    assert published(publish(path))[0].source == "bills"
    assert publish(path) is None
    assert published(publish(path, name="others"))[0].source == "others"


def test_rows_that_a_manifest_tells_of_must_be_there(publish: Publish, tmp_path: Path) -> None:
    export = azure_export(tmp_path / "a", dataRowCount=4)
    with pytest.raises(CountsDisagree, match="manifest tells of 4 rows, and 3 are there"):
        publish(export)


@pytest.mark.parametrize("spelling", ["focus", "native"])
def test_estate_of_several_clouds_is_counted_to_the_last_decimal(
    tmp_path: Path, publish: Publish, spelling: Literal["focus", "native"]
) -> None:
    rows: list[dict[str, str]] = []
    for name, chunks in files(Estate(seed=7, rows=2_000, spelling=spelling)):
        path = tmp_path / "estate" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content := b"".join(chunks))
        if name != TRUTH:
            plain = gzip.decompress(content) if path.suffix == ".gz" else content
            rows += csv.DictReader(io.StringIO(plain.decode("utf-8-sig"), newline=""))
    costs: dict[tuple[str, str], list[Decimal]] = defaultdict(list)
    for row in rows:
        for column in COST_COLUMNS:
            if row.get(column, "") not in ("", "NULL", "null"):
                costs[row["BillingCurrency"], column].append(Decimal(row[column]))
    manifest, _, _ = published(publish(tmp_path / "estate"))
    assert manifest.rows.model_dump() == {"read": 2_000, "published": 2_000, "quarantined": 0}
    assert len(rows) == 2_000
    for (currency, column), values in costs.items():
        sums = manifest.sums[currency][column]
        assert sums is not None
        assert Decimal(sums.published) == exact_sum(values)


def test_unusable_rows_are_quarantined_with_their_bytes_and_their_money(
    write_report: WriteReport, publish: Publish
) -> None:
    path = write_report({}, {"EffectiveCost": "n/a"}, {"BilledCost": "free"})
    with path.open("ab") as stream:
        stream.write(b"7,too,short\r\n")
    os.utime(path, (1_733_911_200, 1_733_911_200))
    delivery = publish(path)
    manifest, _, _ = published(delivery)
    assert manifest.rows.model_dump() == {"read": 4, "published": 1, "quarantined": 3}
    billed = manifest.sums["USD"]["BilledCost"]
    assert billed is not None
    assert billed.model_dump() == {"read": "3", "published": "1.5", "quarantined": "1.5"}
    rows = quarantined(delivery)
    assert [(row["file"], row["line"], row["column"]) for row in rows] == [
        ("bill.csv", 3, "EffectiveCost"),
        ("bill.csv", 4, "BilledCost"),
        ("bill.csv", 5, None),
    ]
    assert base64.b64decode(rows[2]["raw"]) == b"7,too,short"
    assert [row["cells"] and row["cells"]["BilledCost"] for row in rows] == ["1.5", "free", None]
    assert all(row["rule"] and row["reason"] for row in rows)


def test_parts_of_a_folder_are_one_delivery(write_report: WriteReport, publish: Publish) -> None:
    write_report({"BilledCost": "1"}, file="a.csv")
    path = write_report({"BilledCost": "2", "x_Team": "blue"}, file="b.csv")
    (path.parent / "c.csv.gz").write_bytes(gzip.compress((path.parent / "a.csv").read_bytes()))
    manifest, charges, text = published(publish(path.parent))
    assert [(charge["BilledCost"], charge["x_Team"]) for charge in charges] == [
        ("1", None),
        ("2", "blue"),
        ("1", None),
    ]
    assert text.count('costwire_copy="1"') == 1
    assert manifest.recount is not None
    assert (manifest.recount.records, manifest.recount.billed_cost) == (3, "4")


def test_a_part_of_json_without_records_is_a_part_without_charges(
    write_report: WriteReport, publish: Publish
) -> None:
    path = write_report({"BilledCost": "1"}, file="b.csv")
    (path.parent / "a.jsonl").write_text("[]")
    manifest, charges, _ = published(publish(path.parent))
    assert [charge["BilledCost"] for charge in charges] == ["1"]
    assert manifest.recount is not None
    assert (manifest.rows.read, manifest.recount.records) == (1, 1)
    (path.parent / "a.jsonl").unlink()
    alone, _, _ = published(publish(path.parent))
    assert manifest.findings.keys() == alone.findings.keys()
    assert manifest.id != alone.id


def test_a_report_without_any_record_is_refused(tmp_path: Path, publish: Publish) -> None:
    for name in ("a.jsonl", "b.jsonl"):
        (tmp_path / name).write_text("[]")
    with pytest.raises(NotPublishable, match="it holds no record to name a column"):
        publish(tmp_path)


def test_parquet_is_published_as_the_same_charges(
    write_report: WriteReport, publish: Publish, tmp_path: Path
) -> None:
    path = write_report({"BilledCost": "0.1"}, {"BilledCost": ""})
    _, expected, _ = published(publish(path))
    table = pyarrow.csv.read_csv(
        path,
        convert_options=pyarrow.csv.ConvertOptions(
            strings_can_be_null=True, column_types={"BilledCost": pa.decimal128(20, 1)}
        ),
    )
    pyarrow.parquet.write_table(table, tmp_path / "bill.parquet")
    manifest, charges, _ = published(publish(tmp_path / "bill.parquet"))
    assert charges == expected
    assert manifest.recount is not None
    assert (manifest.recount.records, manifest.recount.billed_cost) == (2, "0.1")


def test_same_content_is_not_rendered_again(write_report: WriteReport, publish: Publish) -> None:
    assert publish(write_report({})) is not None
    later = 1_733_997_600.0
    assert publish(write_report({}, file="renamed.csv", at=later)) is None


def test_same_content_of_a_later_time_is_of_that_generation(
    write_report: WriteReport, publish: Publish, shelf: Shelf
) -> None:
    publish(write_report({}))
    publish(write_report({}, at=1_733_997_600.0))
    assert shelf.current is not None
    assert shelf.current.manifest["generation"] == "2024-12-12T10:00:00Z"


def test_a_then_b_then_a_ends_at_a(
    write_report: WriteReport, publish: Publish, shelf: Shelf
) -> None:
    first = publish(write_report({}))
    publish(write_report({}, {}))
    again = publish(write_report({}))
    assert first is not None
    assert again is not None
    assert again.id == first.id
    assert (again.folder / EXPOSITION).exists()


def test_told_currency_is_on_the_wire_and_in_the_sums(
    write_report: WriteReport, publish: Publish
) -> None:
    path = write_report({"BillingCurrency": ""})
    manifest, (charge,), _ = published(publish(path))
    assert list(manifest.sums) == ["XXX"]
    assert charge.get("BillingCurrency") is None
    manifest, (charge,), _ = published(publish(path, currency="EUR"))
    assert list(manifest.sums) == ["EUR"]
    assert charge["BillingCurrency"] == "EUR"


def test_dates_of_unknown_order_are_quarantined_until_it_is_told(
    write_report: WriteReport, publish: Publish
) -> None:
    path = write_report({"ChargePeriodStart": "9/2/24"})
    delivery = publish(path)
    assert delivery is not None
    assert delivery.manifest["rows"]["quarantined"] == 1
    assert "--dates mdy" in quarantined(delivery)[0]["reason"]
    _, (charge,), _ = published(publish(path, dates="mdy"))
    assert charge["ChargePeriodStart"] == "2024-09-02T00:00:00Z"


def test_cells_of_quarantined_rows_are_those_that_would_be_published(
    write_report: WriteReport, publish: Publish
) -> None:
    broken = {"BilledCost": "free", "BillingCurrency": "", "ChargePeriodStart": "9/2/24"}
    delivery = publish(write_report({}, broken), currency="EUR", dates="mdy")
    (row,) = quarantined(delivery)
    told = row["cells"]
    assert (told["BilledCost"], told["BillingCurrency"]) == ("free", "EUR")
    assert told["ChargePeriodStart"] == "2024-09-02T00:00:00Z"


@pytest.mark.parametrize("usable", [0, 2])
def test_quarantined_records_on_one_line_have_each_their_own_cells(
    tmp_path: Path, publish: Publish, usable: int
) -> None:
    uncut = '{"BilledCost": 1, "BilledCost": 2, "ChargePeriodStart": null}'
    broken = [f'{{"BilledCost": "{word}", "x": "{word}"}}' for word in ("free", "none")]
    path = tmp_path / "bill.json"
    path.write_text("[" + ", ".join([*['{"BilledCost": 7}'] * usable, uncut, *broken]) + "]")
    delivery = publish(path, focus_version="1.0")
    assert [row["cells"] for row in quarantined(delivery)] == [
        None,
        {"BilledCost": "free", "x": "free"},
        {"BilledCost": "none", "x": "none"},
    ]


def test_told_version_is_the_one_checked(write_report: WriteReport, publish: Publish) -> None:
    manifest, _, _ = published(publish(write_report({}), focus_version="1.2"))
    assert manifest.focus_version == "1.2"


def test_report_without_rows_is_an_empty_delivery(
    write_report: WriteReport, publish: Publish
) -> None:
    delivery = publish(write_report())
    assert delivery is not None
    assert delivery.manifest["rows"] == {"read": 0, "published": 0, "quarantined": 0}
    assert delivery.manifest["sums"] == {}


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"a,b\n1,2\n", "no BilledCost column"),
        (b"lineItem/UnblendedCost\n1\n", "looks like an AWS Cost and Usage Report"),
        (b"", "no header line"),
        (gzip.compress(b"BilledCost,ChargePeriodStart\n1,2024-09-01\n", mtime=0)[:-9], "cut off"),
    ],
    ids=["other CSV", "AWS CUR", "empty", "half a gzip"],
)
def test_what_is_no_focus_report_is_refused_and_leaves_what_is_served(
    write_report: WriteReport, publish: Publish, shelf: Shelf, content: bytes, reason: str
) -> None:
    path = write_report({})
    served = publish(path)
    path.write_bytes(content)
    with pytest.raises(NotPublishable, match=reason):
        publish(path)
    assert shelf.current == served


def test_two_readers_that_disagree_stop_the_delivery(
    write_report: WriteReport,
    publish: Publish,
    shelf: Shelf,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    finish = CsvRecount.finish

    def miscount(recount: CsvRecount) -> None:
        finish(recount)
        recount.records += 1

    monkeypatch.setattr(CsvRecount, "finish", miscount)
    with pytest.raises(CountsDisagree, match=r"count bill\.csv twice: .*finds 2") as caught:
        publish(write_report({}))
    assert not caught.value.transient
    assert shelf.current is None


def test_file_that_is_rewritten_while_it_is_read_is_not_published(
    write_report: WriteReport, publish: Publish, shelf: Shelf
) -> None:
    path = write_report({})

    def rewrite(_progress: Progress) -> None:
        with path.open("ab") as stream:
            stream.write(b"more")

    with pytest.raises(SourceChanged):
        publish(path, on_progress=rewrite)
    assert shelf.current is None


def test_file_that_is_rewritten_while_its_hash_is_taken_is_not_published(
    write_report: WriteReport, publish: Publish, shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_report({})
    is_read = threading.Event()

    def hashed(part: Part) -> str:
        told = content_hash(part)
        assert is_read.wait(10)
        with path.open("ab") as stream:
            stream.write(b"more")
        return told

    def written(writer: ExpositionWriter) -> Written:
        is_read.set()
        return count(writer)

    count = ExpositionWriter.written
    monkeypatch.setattr(ExpositionWriter, "written", written)
    monkeypatch.setattr("costwire_exporter.publish.content_hash", hashed)
    with pytest.raises(SourceChanged):
        publish(path)
    assert shelf.current is None


def test_stop_ends_the_reading(write_report: WriteReport, publish: Publish) -> None:
    with pytest.raises(Stopped) as caught:
        publish(write_report({}), is_stopping=lambda: True)
    assert isinstance(caught.value, PublishError)
    assert caught.value.transient


def test_progress_is_told_in_rows_and_bytes(write_report: WriteReport, publish: Publish) -> None:
    told: list[Progress] = []
    path = write_report({}, {})
    publish(path, on_progress=told.append)
    size = path.stat().st_size
    assert told[-1] == Progress(2, size, size)


def test_later_reading_has_the_later_time_when_the_clock_was_set_back(
    publish: Publish, write_report: WriteReport
) -> None:
    noon = datetime(2024, 12, 11, 12, tzinfo=UTC)
    first, _, _ = published(publish(write_report({}), clock=lambda: noon))
    day_before = noon - timedelta(days=1)
    changed = write_report({"BilledCost": "7"})
    second, _, _ = published(publish(changed, clock=lambda: day_before))
    assert first.times.read == noon < second.times.read < noon + timedelta(seconds=1)


def test_time_that_is_yet_to_come_makes_no_later_state_an_older_one(
    publish: Publish, write_report: WriteReport, shelf: Shelf
) -> None:
    ahead = datetime(2036, 1, 1, tzinfo=UTC)
    noon = datetime(2024, 12, 11, 12, tzinfo=UTC)
    path = write_report({}, at=ahead.timestamp())
    first, _, _ = published(publish(path, clock=lambda: noon))
    assert first.generation == first.times.read == noon
    assert "2036-01-01T00:00:00Z" in first.findings["CW-TimeAhead"].message
    later = write_report({"BilledCost": "7"}, at=noon.timestamp() + 60)
    second, _, _ = published(publish(later, clock=lambda: noon + timedelta(minutes=2)))
    assert second.generation == noon + timedelta(minutes=1)
    assert "CW-TimeAhead" not in second.findings
    again = write_report({"BilledCost": "7"}, at=ahead.timestamp())
    assert publish(again, clock=lambda: noon + timedelta(minutes=3)) is None
    assert shelf.current is not None
    assert shelf.current.manifest["generation"] == "2024-12-11T12:03:00Z"


@pytest.mark.parametrize("name", ["../../escaped", "/tmp/escaped", "a/../../b"])  # noqa: S108
def test_name_of_a_source_is_no_path(
    write_report: WriteReport, settings_for: Callable[..., Any], tmp_path: Path, name: str
) -> None:
    path = write_report({})
    before = {each for each in tmp_path.rglob("*") if "data" not in each.parts}
    settings = settings_for(path, source_name=name)
    with Exporter(settings) as exporter:
        exporter.poller.look()
        assert exporter.shelf.current is not None
        assert exporter.shelf.current.folder.resolve().is_relative_to(settings.data_dir)
    assert {each for each in tmp_path.rglob("*") if "data" not in each.parts} == before
