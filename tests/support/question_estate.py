"""An estate that has something to say to every question of the catalogue."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

from costwire_focus.estates import Estate, generate
from tests.factories import Report, a_report

Row = dict[str, str | None]

_ESTATE = Estate(
    seed=7,
    rows=8_000,
    focus_version="1.3",
    months=("2024-08", "2024-09", "2024-10"),
    currencies=(("saas", "EUR"),),
)
_GOOGLE_OFFSET = {"T00:00:00Z": "T07:00:00Z"}
_CREDITS = "Northwind Credits"


@cache
def question_estate() -> dict[str, tuple[Row, ...]]:
    """The charges of each cloud over three months, and what no cloud of the generator has.

    Google's months begin at 07:00Z, every fifth reserved capacity was not used, and the vendor's
    seats are paid with credits that are bought once a month.
    """
    found: dict[str, list[Row]] = {}
    for report in generate(_ESTATE):
        rows = report.charges.to_pylist()
        found.setdefault(report.name.partition("/")[0], []).extend(rows)
    found["gcp"] = [_in_google_time(row) for row in found["gcp"]]
    found["aws"] = [_reserved(row, number) for number, row in enumerate(found["aws"])]
    found["saas"] = list(_in_credits(found["saas"]))
    return {cloud: tuple(rows) for cloud, rows in found.items()}


def question_rows() -> list[Row]:
    """Every charge; a column that a cloud does not have is null."""
    return [row for rows in question_estate().values() for row in rows]


def question_reports(table: str = "charges") -> list[Report]:
    """A delivery of each cloud."""
    return [
        a_report(rows, source=cloud, table=table, part_rows=1_000)
        for cloud, rows in question_estate().items()
    ]


def _in_google_time(row: Row) -> Row:
    periods = {
        name: (row[name] or "").replace("T00:00:00Z", "T07:00:00Z")
        for name in ("BillingPeriodStart", "BillingPeriodEnd")
    }
    return row | periods


def _reserved(row: Row, number: int) -> Row:
    if row["CapacityReservationStatus"] and number % 5 == 0:
        return row | {"CapacityReservationStatus": "Unused"}
    return row


def _in_credits(rows: list[Row]) -> Iterator[Row]:
    seen: set[str | None] = set()
    for row in rows:
        seats = row["SkuMeter"] == "Team seats"
        yield row | {"PricingCurrency": _CREDITS} if seats else row
        if seats and row["BillingPeriodStart"] not in seen:
            seen.add(row["BillingPeriodStart"])
            yield row | _purchase(row)


def _purchase(row: Row) -> Row:
    return {
        "ChargeCategory": "Purchase",
        "ChargeClass": None,
        "ChargeFrequency": "One-Time",
        "ChargeDescription": "Credits, bought in advance",
        "ChargePeriodStart": row["BillingPeriodStart"],
        "ResourceId": None,
        "PricingUnit": _CREDITS,
        "PricingQuantity": "250.5",
        "ConsumedQuantity": None,
        "ConsumedUnit": None,
        "BilledCost": "240.48",
        "EffectiveCost": "0",
        "ListCost": "250.5",
        "ContractedCost": "240.48",
        "PricingCurrencyEffectiveCost": "0",
    }
