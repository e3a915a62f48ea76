"""A hundred ways to break a report of FOCUS 1.2, each told by a name, each the same every time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

Row = dict[str, str]
"""Cells by column; an empty text is null."""
Where = Callable[[Row], bool]

ROWS_BROKEN = 3
"""At most so many rows of a report are changed: the first ones that suit."""


@dataclass(frozen=True)
class Break:
    """One way: cells put into the rows that suit, or a column taken away."""

    name: str
    cells: Mapping[str, str]
    suits: Where = lambda _row: True
    drops: str | None = None
    untyped: bool = False
    """Only text can hold the cells: a typed column has no place for them."""

    def __call__(
        self, names: Sequence[str], rows: Sequence[Row], used: set[int]
    ) -> tuple[list[str], list[Row]]:
        """The report so broken; the one given stays as it is. Rows in `used` are left to others."""
        left = [name for name in names if name != self.drops]
        broken = [{name: row[name] for name in left} for row in rows]
        suitable = (at for at, row in enumerate(rows) if at not in used and self.suits(row))
        for at in list(islice(suitable, ROWS_BROKEN if self.cells else 0)):
            broken[at] |= {name: cell for name, cell in self.cells.items() if name in left}
            used.add(at)
        return left, broken


def _plain_usage(row: Row) -> bool:
    return row.get("ChargeCategory") == "Usage" and not row.get("ChargeClass")


def _uncommitted(row: Row) -> bool:
    return _plain_usage(row) and not row.get("CommitmentDiscountId")


def _tax(row: Row) -> bool:
    return row.get("ChargeCategory") == "Tax"


def _nulls() -> Iterator[Break]:
    always = (
        *("BilledCost", "BillingAccountId", "BillingAccountType", "BillingCurrency"),
        *("BillingPeriodEnd", "BillingPeriodStart", "ChargeCategory", "ChargeFrequency"),
        *("ChargePeriodEnd", "ChargePeriodStart", "ContractedCost", "EffectiveCost"),
        *("InvoiceIssuerName", "ListCost", "ProviderName", "PublisherName", "ServiceCategory"),
        *("ServiceName", "ServiceSubcategory", "ChargeDescription", "PricingCurrency"),
        *("PricingCurrencyEffectiveCost", "BillingAccountName", "InvoiceId"),
    )
    on_usage = (
        *("ContractedUnitPrice", "ListUnitPrice", "PricingCategory", "PricingQuantity"),
        *("SkuId", "SkuPriceId", "PricingUnit", "SkuMeter", "PricingCurrencyListUnitPrice"),
    )
    for name in always:
        yield Break(f"null {name}", {name: ""})
    for name in on_usage:
        yield Break(f"null {name} on usage", {name: ""}, _plain_usage)


def _values() -> Iterator[Break]:
    for name in (
        *("CapacityReservationStatus", "ChargeCategory", "ChargeClass", "ChargeFrequency"),
        *("CommitmentDiscountCategory", "CommitmentDiscountStatus", "PricingCategory"),
        *("ServiceCategory", "ServiceSubcategory"),
    ):
        yield Break(f"unlisted {name}", {name: "Something else"})
    yield Break("ChargeCategory in lower case", {"ChargeCategory": "usage"}, _plain_usage)
    yield Break("ServiceSubcategory of another category", {"ServiceSubcategory": "Bots"})
    yield Break(
        "a usage-based purchase",
        {"ChargeCategory": "Purchase", "ChargeFrequency": "Usage-Based"},
        _uncommitted,
    )
    for name in ("ContractedUnitPrice", "ListUnitPrice", "PricingCurrencyListUnitPrice"):
        yield Break(f"negative {name}", {name: "-1"}, _plain_usage)
    for name in ("ListCost", "ContractedCost"):
        yield Break(f"{name} is no product", {name: "98765.4321"}, _plain_usage)
    for code in ("usd", "EURO", "XQQ"):
        yield Break(f"BillingCurrency {code}", {"BillingCurrency": code})
    yield Break("PricingCurrency in lower case", {"PricingCurrency": "usd"})
    for unit in ("GB-Hour", "1.5 GB", "GB/Hours"):
        yield Break(f"PricingUnit {unit}", {"PricingUnit": unit}, _plain_usage)
    yield Break("ConsumedUnit with a sign", {"ConsumedUnit": "GB*Hours"}, _plain_usage)


def _forms() -> Iterator[Break]:
    for name in (
        *("BilledCost", "EffectiveCost", "ListCost", "ContractedCost", "ListUnitPrice"),
        *("ContractedUnitPrice", "PricingQuantity", "ConsumedQuantity"),
    ):
        yield Break(f"{name} with a sign", {name: "$1.00"}, _plain_usage, untyped=True)
    for name in ("BillingPeriodStart", "BillingPeriodEnd", "ChargePeriodStart", "ChargePeriodEnd"):
        yield Break(f"{name} with slashes", {name: "9/1/2024"}, untyped=True)
        yield Break(f"{name} without T", {name: "2024-09-01 00:00"}, untyped=True)
    for name in ("Tags", "SkuPriceDetails"):
        yield Break(f"{name} is no JSON", {name: "team=web"}, _plain_usage)
        yield Break(f"{name} is cut off", {name: '{"team": "we'}, _plain_usage)


def _pairs() -> Iterator[Break]:
    for name, partner in (
        ("CommitmentDiscountCategory", "CommitmentDiscountId"),
        ("CommitmentDiscountName", "CommitmentDiscountId"),
        ("CommitmentDiscountType", "CommitmentDiscountId"),
        ("CommitmentDiscountUnit", "CommitmentDiscountQuantity"),
        ("CommitmentDiscountQuantity", "CommitmentDiscountId"),
    ):
        value = "Spend" if name.endswith("Category") else "1"
        yield Break(f"{name} without {partner}", {name: value, partner: ""}, _uncommitted)
    for name, partner in (
        *(("RegionName", "RegionId"), ("ResourceType", "ResourceId")),
        *(("SubAccountName", "SubAccountId"), ("SubAccountType", "SubAccountId")),
        *(("ConsumedUnit", "ConsumedQuantity"), ("SkuMeter", "SkuId")),
    ):
        yield Break(f"{name} without {partner}", {name: "one", partner: ""}, _plain_usage)
    for name, partner in (
        *(("RegionName", "RegionId"), ("ResourceType", "ResourceId")),
        *(("SubAccountName", "SubAccountId"), ("SubAccountType", "SubAccountId")),
        ("CommitmentDiscountType", "CommitmentDiscountId"),
        ("CommitmentDiscountStatus", "CommitmentDiscountId"),
    ):
        yield Break(f"{partner} without {name}", {name: "", partner: "one"}, _plain_usage)
    for name in ("ContractedUnitPrice", "ListUnitPrice", "PricingQuantity", "SkuId", "SkuPriceId"):
        yield Break(f"{name} on a tax", {"ChargeCategory": "Tax", name: "1"}, _uncommitted)


def _rows() -> Iterator[Break]:
    yield Break("a service in two categories", {"ServiceCategory": "Web"}, _plain_usage)
    yield Break("a SKU price of two SKUs", {"SkuId": "another"}, _plain_usage)


def _absent() -> Iterator[Break]:
    for name in (
        *("BilledCost", "BillingCurrency", "ChargeClass", "ChargePeriodEnd", "InvoiceIssuerName"),
        *("ListCost", "PricingQuantity", "ServiceName", "ChargeFrequency", "ServiceSubcategory"),
        *("CommitmentDiscountType", "RegionName", "SkuMeter", "SubAccountName", "ResourceName"),
    ):
        yield Break(f"no column {name}", {}, drops=name)


BREAKS: tuple[Break, ...] = (
    *_nulls(),
    *_values(),
    *_forms(),
    *_pairs(),
    *_rows(),
    *_absent(),
)
