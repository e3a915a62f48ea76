"""A cost table as the original handler makes and fills it: our own writing of its statements."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from decimal import Decimal

from costwire_db_handler.stores.cratedb.cluster import Session

Labels = dict[str, str]

_TIMES = "BillingPeriodEnd BillingPeriodStart ChargePeriodEnd ChargePeriodStart"
_NUMBERS = (
    "BilledCost CommitmentDiscountQuantity ContractedCost ContractedUnitCost EffectiveCost "
    "ListCost ListUnitPrice PricingQuantity"
)
_TEXTS = (
    "AvailabilityZone BillingAccountId BillingAccountName BillingCurrency CapacityReservationId "
    "CapacityReservationStatus ChargeCategory ChargeClass ChargeDescription ChargeFrequency "
    "CommitmentDiscountCategory CommitmentDiscountId CommitmentDiscountName "
    "CommitmentDiscountStatus CommitmentDiscountType CommitmentDiscountUnit ConsumedUnit "
    "ConsumedQuantity InvoiceIssuerName PricingCategory PricingUnit ProviderName PublisherName "
    "RegionId RegionName ResourceId ResourceName ResourceType ServiceCategory ServiceName "
    "ServiceSubcategory SkuId SkuMeter SkuPriceDetails SkuPriceId SubAccountId SubAccountName"
)
KEY = (
    "ResourceId, ResourceName, BillingPeriodEnd, BillingPeriodStart, ChargePeriodEnd, "
    "ChargePeriodStart, SkuPriceId"
)
_ZERO_FOR_EMPTY = {
    "PricingQuantity",
    "BilledCost",
    "ConsumedQuantity",
    "ContractedCost",
    "ContractedUnitPrice",
    "EffectiveCost",
    "ListCost",
    "ListUnitPrice",
    "CommitmentDiscountQuantity",
}
_BATCH = 1_000


def make(session: Session, table: str, *, key: str = KEY, numbers: str = "DOUBLE") -> None:
    """The original's `CREATE TABLE`, with what a test wants to be different."""
    columns = [
        *(f"{name} TIMESTAMP" for name in _TIMES.split()),
        *(f"{name} {numbers}" for name in _NUMBERS.split()),
        *(f"{name} STRING" for name in _TEXTS.split()),
        "Tags OBJECT(DYNAMIC)",
    ]
    session.execute(
        f"CREATE TABLE IF NOT EXISTS {table} ({', '.join(columns)}, PRIMARY KEY ({key})) "
        "WITH (column_policy = 'dynamic')"
    )


def upload(session: Session, table: str, charges: Sequence[Labels]) -> None:
    """The original's upserts: text in all columns, 0.0 for what is empty, only the cost is new."""
    names = list(charges[0])
    marks = ", ".join("?" * len(names))
    statement = (
        f"INSERT INTO {table} ({', '.join(names)}) VALUES ({marks}) "  # noqa: S608
        f"ON CONFLICT ({KEY}) DO UPDATE SET BilledCost = excluded.BilledCost"
    )
    for start in range(0, len(charges), _BATCH):
        rows = [
            [_cell(name, labels[name]) for name in names]
            for labels in charges[start : start + _BATCH]
        ]
        text = ",".join(json.dumps(row) for row in rows).encode()
        items = session.execute_many(statement, text, repeatable=True)
        failed = [item.message for item in items if item.rowcount != 1]
        assert not failed, (len(failed), failed[0])
    session.execute(f"REFRESH TABLE {table}")


def a_bill(number: int, seed: int = 1) -> list[Labels]:
    """So many charges, each with a key of its own, with all that the original does to cells."""
    dice = random.Random(seed)  # noqa: S311 -- no secret
    return [_labels(at, dice) for at in range(number)]


def stored(cell: str) -> Decimal:
    """The double that the original makes of a cell of a cost, as the shortest decimal."""
    return Decimal(repr(float(cell or "0.0")))


def _labels(at: int, dice: random.Random) -> Labels:
    day, resource = 1 + at % 28, at // 28
    cost = dice.choice([f"{dice.uniform(-9, 900):.12f}", f"{dice.random() * 1e-9:.7e}", "0.1"])
    return {
        **dict.fromkeys(_TEXTS.split(), f"text {at % 11}"),
        "AvailabilityZone": "",
        "BilledCost": cost,
        "EffectiveCost": f"{dice.uniform(0, 50)!r}",
        "ListCost": dice.choice(["", f"{dice.randrange(10**6) / 1000}"]),
        "ContractedCost": f"{dice.uniform(0, 5):.3f}",
        "ListUnitPrice": "",
        "PricingQuantity": str(at),
        "ConsumedQuantity": dice.choice(["", "1.50", "3"]),
        # A column that CrateDB makes of the first batch, where all values must be of one type.
        "ContractedUnitPrice": dice.choice(["", "0.25"]) if at >= _BATCH else "",
        "BillingCurrency": "EUR" if at % 5 == 0 else "USD",
        "BillingPeriodStart": "2024-09-01T00:00:00Z",
        "BillingPeriodEnd": "2024-10-01T00:00:00Z",
        "ChargePeriodStart": f"2024-09-{day:02}T00:00:00+02:00",
        "ChargePeriodEnd": f"2024-09-{day:02} 23:59:59.500",
        "ResourceId": f"/subscriptions/ä/{resource}" if resource % 7 else "",
        "ResourceName": "NULL" if resource % 3 == 0 else f"vm {resource}",
        "SkuPriceId": f"sku {resource % 100}" if resource % 7 else f"sku {resource}",
        "Tags": f"org: o{at % 3};team: blå {at % 5}" if at % 4 else "",
        "x_CostCenter": f"cc {at % 13}",
    }


def _cell(name: str, text: str) -> str | float:
    if name == "Tags":
        pairs = dict(pair.split(": ") for pair in text.split(";")) if text else {}
        return json.dumps(pairs)
    return 0.0 if text == "" and name in _ZERO_FOR_EMPTY else text
