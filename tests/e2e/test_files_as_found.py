"""Reports in every form that is met: each one stored whole, with the sums of csv and decimal."""

from __future__ import annotations

import bz2
import csv
import gzip
import io
import json
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard
from tests.support.in_process import Pipeline, pipeline
from tests.support.reports import COSTS, charges, stored_sums, sums

Rows = Sequence[Mapping[str, str]]
Write = Callable[[Rows], bytes]

PERIODS = ("BillingPeriodStart", "BillingPeriodEnd", "ChargePeriodStart", "ChargePeriodEnd")
ODD = 'Größe "XL"; 5 €, \t|\nnext line'
REPORT = charges(
    *(
        {
            "ResourceId": f"disk-{n}",
            "BilledCost": f"{n * 37 % 101 - 9}.{n:017d}",
            "EffectiveCost": f"{n}.5",
            "ListCost": f"-{n}.25",
            "ChargeDescription": ODD if n % 7 == 0 else f"Größe {n}",
            "BillingCurrency": "EUR" if n % 5 == 0 else "USD",
            "Tags": json.dumps({"env": "prod", "größe": str(n)}, ensure_ascii=False),
        }
        for n in range(60)
    )
)


def as_csv(rows: Rows, separator: str = ",", line_end: str = "\n") -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]), delimiter=separator, lineterminator=line_end)
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def as_record(row: Mapping[str, str]) -> str:
    """A charge as JSON: amounts are numbers of just their digits, tags an object."""
    cells = [
        f"{json.dumps(name)}: {cell if name in (*COSTS, 'Tags') else json.dumps(cell)}"
        for name, cell in row.items()
    ]
    return "{" + ", ".join(cells) + "}"


def as_parquet(rows: Rows, cost: pa.DataType) -> bytes:
    columns: dict[str, Any] = {name: [row[name] for row in rows] for name in rows[0]}
    for name in COSTS:
        values = [Decimal(cell) for cell in columns[name]]
        columns[name] = pa.array(values, pa.decimal128(38, 18)).cast(cost)
    for name in PERIODS:
        columns[name] = pa.array(columns[name]).cast(pa.timestamp("ms", "UTC"))
    tags = [list(json.loads(cell).items()) for cell in columns["Tags"]]
    columns["Tags"] = pa.array(tags, pa.map_(pa.string(), pa.string()))
    sink = io.BytesIO()
    pq.write_table(pa.table(columns), sink)
    return sink.getvalue()


def zipped(rows: Rows) -> bytes:
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("export/bill.csv", as_csv(rows))
        archive.writestr("__MACOSX/export/._bill.csv", b"\0\5\x16\7")
    return sink.getvalue()


def in_two(pack: Callable[[bytes], bytes]) -> Write:
    def write(rows: Rows) -> bytes:
        text = as_csv(rows).encode()
        return pack(text[:5000]) + pack(text[5000:])

    return write


FORMS: dict[str, tuple[Write, dict[str, str]]] = {
    "semicolons, Windows-1252": (
        lambda rows: as_csv(rows, ";", "\r\n").encode("windows-1252"),
        {"encoding": "windows-1252"},
    ),
    "tabs, UTF-16": (lambda rows: as_csv(rows, "\t", "\r\n").encode("utf-16"), {}),
    "bars, UTF-16 without mark": (lambda rows: as_csv(rows, "|").encode("utf-16-be"), {}),
    "commas, UTF-8 with mark": (lambda rows: as_csv(rows).encode("utf-8-sig"), {}),
    "line for spreadsheets": (lambda rows: b"sep=;\r\n" + as_csv(rows, ";").encode(), {}),
    "zip": (zipped, {}),
    "gzip in two members": (in_two(gzip.compress), {}),
    "zstd in two frames": (in_two(zstandard.compress), {}),
    "bzip2": (lambda rows: bz2.compress(as_csv(rows).encode()), {}),
    "JSON lines": (lambda rows: "\n".join(map(as_record, rows)).encode(), {}),
    "JSON lines, packed": (
        lambda rows: gzip.compress("\n".join(map(as_record, rows)).encode()),
        {},
    ),
    "JSON array": (lambda rows: f"[{','.join(map(as_record, rows))}]".encode(), {}),
    "JSON array, UTF-16": (lambda rows: f"[{','.join(map(as_record, rows))}]".encode("utf-16"), {}),
    "answer of a server": (
        lambda rows: f'{{"kind": "List",\n"items": [\n{",".join(map(as_record, rows))}]}}'.encode(),
        {},
    ),
    "parquet, decimals": (lambda rows: as_parquet(rows, pa.decimal128(38, 18)), {}),
    "parquet, wide decimals": (lambda rows: as_parquet(rows, pa.decimal256(60, 25)), {}),
}


@pytest.fixture(scope="module")
def services(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pipeline]:
    with pipeline(tmp_path_factory.mktemp("found")) as joined:
        yield joined


def delivered(services: Pipeline, path: Path, table: str, **settings: Any) -> dict[str, Any]:
    outcome = services.deliver(path, table, **settings)
    assert outcome.error is None
    return services.store.ledger(table)[-1]


@pytest.mark.parametrize("form", FORMS)
def test_report_is_stored_whole_from_every_form(
    services: Pipeline, tmp_path: Path, form: str
) -> None:
    write, settings = FORMS[form]
    path = tmp_path / "bill"
    path.write_bytes(write(REPORT))
    table = f"form_{list(FORMS).index(form)}"
    entry = delivered(services, path, table, **settings)
    assert entry["state"] == "committed"
    assert entry["balanced"]
    assert entry["rows"]["stored"] == entry["rows"]["read"] == len(REPORT)
    assert stored_sums(entry) == sums(REPORT)
    for currency in ("USD", "EUR"):
        mine = [row for row in REPORT if row["BillingCurrency"] == currency]
        assert services.store.shown(table, currency) == (len(mine), sums(REPORT)[currency])
    found = services.store.sql(
        f"SELECT ResourceId, ChargeDescription, tags['größe'] FROM {table} "  # noqa: S608
        "ORDER BY BilledCost"
    )
    in_order = sorted(REPORT, key=lambda row: Decimal(row["BilledCost"]))
    assert found == [
        [row["ResourceId"], row["ChargeDescription"], json.loads(row["Tags"])["größe"]]
        for row in in_order
    ]


def test_the_same_report_in_another_form_changes_nothing(
    services: Pipeline, tmp_path: Path
) -> None:
    for number, form in enumerate(("tabs, UTF-16", "JSON array", "zip"), start=1):
        path = tmp_path / "bill"
        path.write_bytes(FORMS[form][0](REPORT))
        entry = delivered(services, path, "changing", source_name="bill")
        assert entry["commit"]
        changes = {name: entry["rows"][name] for name in ("added", "removed", "corrected")}
        assert changes == {"added": len(REPORT) if number == 1 else 0, "removed": 0, "corrected": 0}


def test_parts_of_other_forms_headers_and_types_are_one_report(
    services: Pipeline, tmp_path: Path
) -> None:
    with_own = [{**row, "x_Own": "mine"} for row in REPORT[:10]]
    reordered = [dict(reversed(row.items())) for row in REPORT[10:20]]
    doubles = charges(*({"BilledCost": f"{n}.1", "Tags": "{}"} for n in range(10)))
    parts = {
        "a.csv": as_csv(with_own).encode(),
        "b.tsv": as_csv(reordered, "\t").encode("utf-16"),
        "c.jsonl": "\n".join(map(as_record, REPORT[20:30])).encode(),
        "d-000000000000.json": "\n".join(map(as_record, REPORT[30:40])).encode(),
        "e.parquet": as_parquet(REPORT[40:60], pa.decimal128(38, 18)),
        "f.parquet": as_parquet(doubles, pa.float64()),
        "manifest.json": b'{"blobs": []}',
    }
    for name, data in parts.items():
        (tmp_path / "bills" / name).parent.mkdir(exist_ok=True)
        (tmp_path / "bills" / name).write_bytes(data)
    entry = delivered(services, tmp_path / "bills", "parts")
    rows = [*REPORT, *doubles]
    assert entry["rows"]["stored"] == len(rows)
    assert stored_sums(entry) == sums(rows)
    assert {"CW-BinaryFloat", "CW-CellSeparator", "CW-TextEncoding"} <= entry["findings"].keys()
    ((own,),) = services.store.sql("SELECT count(*) FROM parts WHERE x_Own = 'mine'")
    assert own == 10


def test_tags_as_key_and_value_records_are_asked_like_others(
    services: Pipeline, tmp_path: Path
) -> None:
    tags = '[{"key": "env", "value": "prod"}, {"key": "team", "value": null}]'
    row = {**charges({})[0], "Tags": tags}
    (tmp_path / "bill.json").write_text(f"[{as_record(row)}]")
    delivered(services, tmp_path / "bill.json", "google")
    found = services.store.sql("SELECT tags['env'], tags['team'], TagsJson FROM google")
    assert found == [["prod", None, json.dumps(json.loads(tags), separators=(",", ":"))]]


DRAFT = [
    {
        **{name: cell for name, cell in row.items() if name not in ("EffectiveCost", "RegionId")},
        "AmortizedCost": row["EffectiveCost"],
        "Region": row["RegionId"],
        "PricingCategory": "On-Demand" if n % 2 else "Commitment-Based",
        "ChargeSubcategory": "Refund" if n % 3 == 0 else "Used Commitment",
    }
    for n, row in enumerate(REPORT)
]


def test_names_of_drafts_are_mapped_only_on_request_and_the_ledger_tells(
    services: Pipeline, tmp_path: Path
) -> None:
    path = tmp_path / "bill.csv"
    path.write_text(as_csv(DRAFT))
    plain = delivered(services, path, "drafts", source_name="draft")
    assert plain["mapped"] == []
    assert plain["findings"]["CW-ColumnDraftName"] == 3
    assert plain["sums"]["USD"]["EffectiveCost"] is None
    mapped = delivered(services, path, "drafts", source_name="draft", map_legacy=True)
    assert mapped["state"] == "held"  # other columns are other charges: all of them changed
    services.store.http.post(f"/deliveries/{mapped['commit']}/accept")
    assert mapped["id"] != plain["id"]
    assert "CW-ColumnDraftName" not in mapped["findings"]
    assert stored_sums(mapped) == sums(REPORT)
    told = {(m["name"], m["column"], m["value"], m["became"]): m["cells"] for m in mapped["mapped"]}
    assert told == {
        ("AmortizedCost", "EffectiveCost", None, None): 60,
        ("Region", "RegionId", None, None): 60,
        ("ChargeSubcategory", "x_ChargeSubcategory", None, None): 60,
        ("ChargeSubcategory", "ChargeClass", "Refund", "Correction"): 20,
        ("ChargeSubcategory", "CommitmentDiscountStatus", "Used Commitment", "Used"): 40,
        ("PricingCategory", "PricingCategory", "On-Demand", "Standard"): 30,
        ("PricingCategory", "PricingCategory", "Commitment-Based", "Committed"): 30,
    }
    found = services.store.sql(
        "SELECT PricingCategory, ChargeClass, x_ChargeSubcategory, RegionId, count(*) FROM drafts "
        "GROUP BY 1, 2, 3, 4 ORDER BY 1, 3"
    )
    assert found == [
        ["Committed", "Correction", "Refund", "eu-1", 10],
        ["Committed", None, "Used Commitment", "eu-1", 20],
        ["Standard", "Correction", "Refund", "eu-1", 10],
        ["Standard", None, "Used Commitment", "eu-1", 20],
    ]
