"""Made-up estates: exact sizes, exact money, valid FOCUS, and a truth that matches the charges."""

from __future__ import annotations

import csv
import gzip
import io
import json
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import fields, replace
from decimal import Decimal
from hashlib import sha256
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from costwire_focus.amounts import COST_COLUMNS
from costwire_focus.canonical import canonical_text
from costwire_focus.columns import VERSIONS, columns_of
from costwire_focus.estates import DEFECTS, Estate, Report, demo_estate, files, generate
from costwire_focus.readers import open_report
from costwire_focus.rules.ids import spec_id
from costwire_focus.rules.validator import Validator
from costwire_focus.versions import detect

CLOUDS = ("aws", "azure", "gcp", "oci", "saas")
OUTSIDE = "CW-ChargePeriod-OutsideBillingPeriod"  # corrections change the month before

Row = dict[str, str]


def file_bytes(report: Report) -> bytes:
    return b"".join(report.chunks())


def rows_of(report: Report) -> list[Row]:
    """What Python's own reader finds in the file, whatever its spelling."""
    data = file_bytes(report)
    if report.name.endswith(".gz"):
        data = gzip.decompress(data)
    text = io.StringIO(data.decode("utf-8-sig"), newline="")
    null = report.dialect.null
    return [
        {name: "" if cell == null else cell for name, cell in row.items()}
        for row in csv.DictReader(text)
    ]


def sums_of(rows: list[Row]) -> dict[str, dict[str, str]]:
    totals: dict[str, dict[str, Decimal]] = defaultdict(lambda: defaultdict(Decimal))
    for row in rows:
        for name in COST_COLUMNS:
            totals[row["BillingCurrency"]][name] += Decimal(row[name])
    return {
        currency: {name: canonical_text(total) for name, total in some.items()}
        for currency, some in totals.items()
    }


def one(**settings: Any) -> Report:
    return next(generate(replace(Estate(rows=1_500, clouds=("aws",)), **settings)))


def test_same_seed_gives_the_same_bytes_everywhere() -> None:
    digest = sha256()
    for path, chunks in files(Estate(seed=7, rows=1_500, focus_version="1.3")):
        digest.update(path.encode())
        for chunk in chunks:
            digest.update(chunk)
    assert digest.hexdigest() == "3f5e0c5c6ca9d8fa68908a8942b76dc52ec8064a1fea7d1d09f51400c316e015"


def test_other_seed_gives_other_charges() -> None:
    assert file_bytes(one(seed=1)) != file_bytes(one(seed=2))


@pytest.mark.parametrize("rows", [0, 1, 7, 61, 199, 200, 1_234])
def test_number_of_charges_is_exact(rows: int) -> None:
    estate = Estate(rows=rows, months=("2024-11", "2024-12", "2025-01"), rows_per_file=80)
    reports = list(generate(estate))
    assert sum(report.charges.num_rows for report in reports) == rows
    assert sum(report.truth["rows"] for report in reports) == rows
    assert max(report.charges.num_rows for report in reports) <= 80
    assert len({report.name for report in reports}) == len(reports)


@pytest.mark.parametrize("spelling", ["focus", "native"])
@pytest.mark.parametrize("version", VERSIONS)
def test_truth_holds_the_exact_sums_of_each_file(version: str, spelling: Any) -> None:
    estate = Estate(
        rows=1_200, focus_version=version, spelling=spelling, currencies=(("azure", "EUR"),)
    )
    for report in generate(estate):
        assert sums_of(rows_of(report)) == report.truth["sums"], report.name


@pytest.mark.parametrize("currency", ["EUR", "GBP", "CHF", "JPY"])
def test_other_billing_currencies_are_exact_too(currency: str) -> None:
    for report in generate(Estate(rows=1_200, currency=currency, focus_version="1.2")):
        rows = rows_of(report)
        assert {row["BillingCurrency"] for row in rows} == {currency}
        assert {row["PricingCurrency"] for row in rows} == {"USD"}
        assert sums_of(rows) == report.truth["sums"]
        assert_products(rows)


@pytest.mark.parametrize("version", VERSIONS)
def test_unit_prices_times_quantity_are_the_costs(version: str) -> None:
    for report in generate(Estate(rows=1_200, focus_version=version)):
        assert_products(rows_of(report))


def assert_products(rows: list[Row]) -> None:
    checked = 0
    for row in rows:
        if row["PricingQuantity"]:
            quantity = Decimal(row["PricingQuantity"])
            assert Decimal(row["ListUnitPrice"]) * quantity == Decimal(row["ListCost"])
            contracted = Decimal(row["ContractedUnitPrice"]) * quantity
            assert contracted == Decimal(row["ContractedCost"])
            checked += 1
    assert checked > len(rows) // 2


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("cloud", CLOUDS)
def test_charges_are_valid_focus(cloud: str, version: str) -> None:
    report = one(clouds=(cloud,), rows=1_000, focus_version=version)
    validator, usable, unusable = validated(report, version)
    assert set(validator.findings) == {OUTSIDE, *advice(cloud, version)}
    assert (usable, unusable) == (1_000, [])


def advice(cloud: str, version: str) -> Iterator[str]:
    """What the specification only recommends, and an estate leaves undone as real bills do."""
    if cloud == "saas":
        yield "ColumnHandling-A-011-O"
        if version > "1.0":
            yield spec_id("CostAndUsage-D-061-C", version)


@pytest.mark.parametrize("version", VERSIONS)
def test_columns_are_those_of_the_version_then_own_ones(version: str) -> None:
    names = one(focus_version=version, rows=10).charges.column_names
    known = [name for name in names if not name.startswith("x_")]
    assert known == list(columns_of(version))
    assert detect(names) == version
    assert names[len(known) :] == [
        "x_CostCategories",
        "x_Discounts",
        "x_Operation",
        "x_ServiceCode",
        "x_UsageType",
    ]
    assert one(focus_version=version, rows=10, custom_columns=False).charges.column_names == known


def test_every_charge_category_and_special_case_occurs() -> None:
    rows = rows_of(one(rows=3_000, focus_version="1.3"))
    assert {row["ChargeCategory"] for row in rows} == {
        "Usage",
        "Purchase",
        "Tax",
        "Credit",
        "Adjustment",
    }
    assert {row["CommitmentDiscountStatus"] for row in rows} == {"", "Used", "Unused"}
    assert {row["PricingCategory"] for row in rows} == {"", "Standard", "Dynamic", "Committed"}
    assert {row["ChargeClass"] for row in rows} == {"", "Correction"}
    assert any(row["CapacityReservationId"] for row in rows)
    assert any(Decimal(row["BilledCost"]) < 0 for row in rows)


def test_a_months_effective_cost_of_a_commitment_is_what_was_paid_for_it() -> None:
    months = ("2024-02", "2024-03")
    days = {"2024-02": 29, "2024-03": 31}
    paid: dict[str, str] = {}
    for report in generate(Estate(rows=6_000, clouds=("aws",), months=months)):
        for commitment in report.truth["commitments"]:
            spread = Decimal(commitment["used"]) + Decimal(commitment["unused"])
            if commitment["upfront"]:
                paid.setdefault(commitment["id"], commitment["purchased"])
                year = Decimal(paid[commitment["id"]])
                assert spread * 365 == year * days[report.month]
            else:
                assert spread == Decimal(commitment["purchased"]) > 0
    assert paid


def test_truth_about_commitments_matches_the_charges() -> None:
    report = one(rows=4_000)
    found: dict[str, Counter[str]] = defaultdict(Counter)
    for row in rows_of(report):
        if row["CommitmentDiscountId"]:
            kind = {"": "purchased", "Used": "used", "Unused": "unused"}
            column = "EffectiveCost" if row["CommitmentDiscountStatus"] else "BilledCost"
            totals: Any = found[row["CommitmentDiscountId"]]
            totals[kind[row["CommitmentDiscountStatus"]]] += Decimal(row[column])
    assert len(found) > 3
    assert {
        commitment["id"]: {name: commitment[name] for name in ("purchased", "used", "unused")}
        for commitment in report.truth["commitments"]
    } == {
        identity: {name: canonical_text(Decimal(total)) for name, total in totals.items()}
        for identity, totals in found.items()
    }


def test_planted_anomalies_and_waste_cost_what_the_truth_says() -> None:
    report = one(rows=4_000, months=("2024-10",))
    rows = rows_of(report)
    waste = {plant["kind"]: plant for plant in report.truth["waste"]}
    assert set(waste) == {"idle resource", "unused commitment"}
    assert len(report.truth["anomalies"]) == 1
    for plant in [*report.truth["anomalies"], waste["idle resource"]]:
        mine = [row for row in rows if row["ResourceId"] == plant["resourceId"]]
        assert len(mine) == plant["rows"]
        assert total(mine) == plant["effectiveCost"]
    unused = waste["unused commitment"]
    mine = [
        row
        for row in rows
        if row["CommitmentDiscountId"] == unused["commitmentDiscountId"]
        and row["CommitmentDiscountStatus"] == "Unused"
    ]
    assert total(mine) == unused["effectiveCost"]


def total(rows: list[Row]) -> str:
    return canonical_text(sum((Decimal(row["EffectiveCost"]) for row in rows), Decimal(0)))


def test_every_other_anomaly_is_alone_in_its_region() -> None:
    reports = list(generate(Estate(rows=4_000, clouds=("gcp",), months=("2024-09", "2024-10"))))
    (anomaly,) = reports[1].truth["anomalies"]
    assert anomaly["kind"] == "new region"
    there = [row for row in rows_of(reports[1]) if row["RegionId"] == anomaly["regionId"]]
    assert {row["ResourceId"] for row in there} == {anomaly["resourceId"]}
    assert anomaly["regionId"] not in {row["RegionId"] for row in rows_of(reports[0])}


def test_identical_charges_are_as_many_as_the_truth_says() -> None:
    report = one(rows=5_000, identical_permille=10)
    copies = Counter(tuple(row.values()) for row in rows_of(report))
    surplus = sum(count - 1 for count in copies.values())
    assert report.truth["identical"] == 50
    assert surplus >= 50


def test_nothing_special_is_planted_when_it_is_switched_off() -> None:
    report = one(rows=3_000, anomalies=False, waste=False, corrections=False, identical_permille=0)
    assert report.truth["anomalies"] == report.truth["waste"] == []
    assert {row["ChargeClass"] for row in rows_of(report)} == {""}


def test_shares_of_a_split_charge_have_all_ratios_equally_often() -> None:
    rows = rows_of(one(rows=4_000, focus_version="1.3"))
    shares = [row for row in rows if row["AllocatedResourceId"]]
    ratios: Counter[Decimal] = Counter()
    for row in shares:
        (element,) = json.loads(row["AllocatedMethodDetails"])["Elements"]
        ratios[Decimal(str(element["AllocatedRatio"]))] += 1
        assert Decimal(row["PricingQuantity"]) == Decimal(str(element["AllocatedRatio"]))
    assert len(set(ratios.values())) == 1
    assert sum(ratios) == 1


def test_tags_are_json_objects_with_awkward_keys_and_some_are_missing() -> None:
    rows = rows_of(one(rows=6_000, clouds=("azure",)))
    keys: set[str] = set()
    values: list[Any] = []
    for row in rows:
        if row["Tags"]:
            tags = json.loads(row["Tags"])
            keys |= set(tags)
            values += tags.values()
    assert {"cost.center", "Owner Name", "hidden-link:/app", " org", "部署"} <= keys
    assert "" in values
    assert None in values
    assert True in values
    untagged = sum(not row["Tags"] for row in rows)
    assert 0.05 < untagged / len(rows) < 0.5


def test_later_months_have_more_charges_on_the_same_accounts_and_resources() -> None:
    reports = list(generate(Estate(rows=5_000, clouds=("gcp",), months=("2024-09", "2024-10"))))
    before, after = (rows_of(report) for report in reports)
    assert len(after) > len(before)
    assert {row["SubAccountId"] for row in before} == {row["SubAccountId"] for row in after}
    resources = [{row["ResourceId"] for row in rows} for rows in (before, after)]
    assert len(resources[0] & resources[1]) > len(resources[0]) * 0.8
    skus = [{row["SkuPriceId"] for row in rows} for rows in (before, after)]
    assert skus[1] <= skus[0]


def test_weekends_are_quieter_than_weekdays() -> None:
    days = Counter(row["ChargePeriodStart"][:10] for row in rows_of(one(rows=8_000)))
    saturday, tuesday = days["2024-09-14"], days["2024-09-17"]
    assert saturday < tuesday * 0.8


def test_files_end_with_the_truth_about_all_of_them() -> None:
    estate = Estate(rows=500, months=("2024-09", "2024-10"))
    contents = {path: b"".join(chunks) for path, chunks in files(estate)}
    assert list(contents)[-1] == "truth.json"
    truth = json.loads(contents["truth.json"])
    assert [report["file"] for report in truth["reports"]] == list(contents)[:-1]
    assert "aws/2024-09.csv" in contents


@pytest.mark.parametrize("spelling", ["focus", "native"])
@pytest.mark.parametrize("cloud", CLOUDS)
def test_planted_defects_are_found_where_the_truth_says(cloud: str, spelling: Any) -> None:
    report = one(clouds=(cloud,), spelling=spelling, defects=tuple(DEFECTS), focus_version="1.2")
    validator, usable, unusable = validated(report, "1.2")
    expected = [entry["line"] for entry in report.truth["defects"] if entry["grade"] == "unusable"]
    assert sorted(unusable) == expected
    assert usable == report.truth["usable"]
    assert len(report.truth["defects"]) == len(DEFECTS)
    if spelling == "focus":
        assert len(validator.findings) >= 7


def test_sums_of_a_file_with_defects_are_those_of_its_usable_charges() -> None:
    report = one(defects=(*DEFECTS, "bad-amount", "plus-sign"))
    charges = list(usable_charges(report))
    totals = {
        name: canonical_text(
            sum((Decimal(cell) for cell in column_cells(charges, name) if cell), Decimal(0))
        )
        for name in COST_COLUMNS
    }
    assert report.truth["sums"] == {"USD": totals}


def test_amounts_of_a_broken_row_are_told_as_far_as_its_cells_can_be_trusted() -> None:
    report = one(defects=("bad-amount", "field-extra"))
    entries = {entry["defect"]: entry for entry in report.truth["defects"]}
    assert entries["bad-amount"]["amounts"]["BilledCost"] is None
    assert Decimal(entries["bad-amount"]["amounts"]["ListCost"]) > 0
    assert set(entries["field-extra"]["amounts"].values()) == {None}


def validated(report: Report, version: str) -> tuple[Validator, int, list[int]]:
    """The validator after the report, the number of usable charges, the lines of the others."""
    opened = open_report(io.BytesIO(file_bytes(report)), report.name)
    validator = Validator(opened.names, version, file=report.name)
    usable, unusable = 0, []
    for batch in opened.batches():
        checked = validator.check(batch)
        usable += checked.charges.num_rows
        unusable += [row.line for row in checked.unusable]
    return validator, usable, unusable


def usable_charges(report: Report) -> Iterator[Any]:
    opened = open_report(io.BytesIO(file_bytes(report)), report.name)
    validator = Validator(opened.names, report.version, file=report.name)
    for batch in opened.batches():
        yield validator.check(batch).charges


def column_cells(tables: list[Any], name: str) -> list[str | None]:
    return [cell for table in tables for cell in table.column(name).to_pylist()]


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"clouds": ("azur",)}, "cloud 'azur'"),
        ({"focus_version": "2.0"}, "FOCUS version '2.0'"),
        ({"months": ("2024-13",)}, "month '2024-13'"),
        ({"currency": "XAU"}, "currency 'XAU'"),
        ({"clouds": ("aws",), "currencies": (("gcp", "EUR"),)}, "cloud of a currency 'gcp'"),
        ({"defects": ("typo",)}, "defect 'typo'"),
        ({"rows": -1}, "wants rows"),
        ({"months": ()}, "wants rows"),
        ({"rows_per_file": 0}, "files of rows"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_plan_that_cannot_be_made_is_refused_by_name(
    settings: dict[str, Any], words: str
) -> None:
    with pytest.raises(ValueError, match=words):
        Estate(**settings)


def test_more_defects_than_charges_are_refused() -> None:
    with pytest.raises(ValueError, match="make a larger estate"):
        one(rows=5, defects=tuple(DEFECTS))


def test_demo_estate_shows_movers_untagged_cost_and_two_currencies() -> None:
    reports = list(generate(demo_estate()))
    assert sum(report.charges.num_rows for report in reports) == 50_000
    assert len({report.provider for report in reports}) >= 3
    assert {currency for report in reports for currency in report.truth["sums"]} == {"USD", "EUR"}
    costs: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
    untagged = Decimal(0)
    for report in reports:
        columns = ("ServiceName", "EffectiveCost", "Tags", "ChargeCategory")
        cells = (report.charges.column(name).to_pylist() for name in columns)
        for service, cost, tags, category in zip(*cells, strict=True):
            costs[service, report.month] += Decimal(cost)
            if category == "Usage" and tags in (None, "{}"):
                untagged += Decimal(cost)
    months = sorted({report.month for report in reports})
    disks = [costs["Azure Disk Storage", month] for month in months]
    assert len(months) >= 3
    assert all(later > earlier for earlier, later in pairwise(disks))
    assert disks[-1] > 2 * disks[0]
    assert untagged > 1_000


def test_the_page_about_sample_data_names_every_setting_and_defect() -> None:
    page = (Path(__file__).parents[3] / "docs" / "sample-data.md").read_text()
    names = [setting.name for setting in fields(Estate)] + list(DEFECTS)
    assert [name for name in names if f"`{name}`" not in page] == []
