"""Line items: what a cloud's offers become on a bill, with integer prices per kind of charge."""

from __future__ import annotations

import json
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

import numpy as np

from costwire_focus.estates.catalogue import Cloud, Offer, Service
from costwire_focus.estates.decimals import scaled_text
from costwire_focus.estates.draws import Draws, Ints

AMOUNT_DECIMALS = 6  # of charges that have no price: tax, credits, refunds, adjustments


class Kind(IntEnum):
    """What a charge is."""

    USAGE = 0
    COVERED = 1
    UNUSED = 2
    RECURRING = 3
    UPFRONT = 4
    CORRECTION = 5
    CREDIT = 6
    REFUND = 7
    TAX = 8
    ADJUSTMENT = 9


_PURCHASES = (Kind.RECURRING, Kind.UPFRONT)
_PRICELESS = (Kind.CREDIT, Kind.REFUND, Kind.TAX, Kind.ADJUSTMENT)
_CATEGORY = {
    Kind.RECURRING: "Purchase",
    Kind.UPFRONT: "Purchase",
    Kind.CREDIT: "Credit",
    Kind.REFUND: "Credit",
    Kind.TAX: "Tax",
    Kind.ADJUSTMENT: "Adjustment",
}
_FREQUENCY = {Kind.RECURRING: "Recurring"} | dict.fromkeys((Kind.UPFRONT, *_PRICELESS), "One-Time")
_TEXT = {
    Kind.UNUSED: "Unused part of a commitment: {text}",
    Kind.RECURRING: "Monthly fee of a commitment: {text}",
    Kind.UPFRONT: "Upfront fee of a commitment: {text}",
    Kind.CORRECTION: "Correction of an earlier invoice: {text}",
    Kind.CREDIT: "Promotional credit: {service}",
    Kind.REFUND: "Refund of a disputed charge: {service}",
    Kind.TAX: "Value added tax",
    Kind.ADJUSTMENT: "Rounding of the invoice",
}
_CUT = '[{"name": "Committed use discount", "amount": -0.25, "type": "COMMITTED_USAGE_DISCOUNT"}]'
_LEVIES = Service("Taxes and Adjustments", "Other", "Other (Other)", "Levies", "", "", ())
_LEVY = Offer("", "0", "", "", 0)


@dataclass(frozen=True)
class Items:
    """A cloud's line items: texts by column, and arrays by item.

    A cost of a row is `quantity * unit[column] + amount`, an integer with `decimals` decimals in
    the pricing currency; `exchange` turns it into the billing currency.
    """

    columns: dict[str, list[str | None]]
    unit: dict[str, Ints]
    decimals: Ints
    quantity_decimals: Ints
    consumed_factor: Ints
    typical: Ints
    steady: Ints
    services: list[Service]
    offers: list[Offer]
    first_of_service: list[int]
    position: dict[tuple[int, Kind], int]  # (USAGE item, kind) -> item
    levies: dict[Kind, int]


def make_items(cloud: Cloud, draws: Draws, exchange: tuple[int, int], version: str) -> Items:
    """Lay out the USAGE items service by service, then the other kinds of each offer."""
    plan: list[tuple[Service, Offer, Kind]] = []
    first_of_service: list[int] = []
    for service in cloud.services:
        first_of_service.append(len(plan))
        plan += [(service, offer, Kind.USAGE) for offer in service.offers]
    position: dict[tuple[int, Kind], int] = {}
    for usage, (service, offer, _) in enumerate(list(plan)):
        position[usage, Kind.USAGE] = usage
        for kind in Kind:
            committed = kind in (Kind.COVERED, Kind.UNUSED, *_PURCHASES)
            if kind in (Kind.USAGE, Kind.TAX, Kind.ADJUSTMENT):
                continue
            if committed and not offer.commitment_percent:
                continue
            position[usage, kind] = len(plan)
            plan.append((service, offer, kind))
    levies = {kind: len(plan) + index for index, kind in enumerate((Kind.TAX, Kind.ADJUSTMENT))}
    plan += [(_LEVIES, _LEVY, kind) for kind in levies]

    texts = _Texts(cloud, draws, exchange, version)
    rows = [texts.describe(service, offer, kind) for service, offer, kind in plan]
    units = [_units(cloud, offer, kind) for _, offer, kind in plan]
    offers = [offer for _, offer, _ in plan]
    names = dict.fromkeys(name for row in rows for name in row)
    return Items(
        columns={name: [row.get(name) for row in rows] for name in names},
        unit={name: _ints(unit[name] for unit in units) for name in units[0]},
        decimals=_ints(_decimals(offer, kind) for _, offer, kind in plan),
        quantity_decimals=_ints(offer.decimals for offer in offers),
        consumed_factor=_ints(
            0 if kind is Kind.UNUSED else offer.consumed_factor for _, offer, kind in plan
        ),
        typical=_ints(offer.typical for offer in offers),
        steady=_ints(offer.steady for offer in offers),
        services=[service for service, _, _ in plan],
        offers=offers,
        first_of_service=first_of_service,
        position=position,
        levies=levies,
    )


def _ints(values: Any) -> Ints:
    return np.array([int(value) for value in values], dtype=np.int64)


def _decimals(offer: Offer, kind: Kind) -> int:
    if kind in _PRICELESS:
        return AMOUNT_DECIMALS
    return offer.price_scaled[1] + 2 + offer.decimals


def _units(cloud: Cloud, offer: Offer, kind: Kind) -> dict[str, int]:
    """What one quantity step costs in each cost column, two decimals beyond the price's own."""
    if kind in _PRICELESS:
        return dict.fromkeys(("ListCost", "ContractedCost", "EffectiveCost", "BilledCost"), 0)
    price = offer.price_scaled[0]
    listed, contracted = price * 100, price * (100 - cloud.negotiated_percent)
    committed = price * (100 - offer.commitment_percent)
    units = {
        "ListCost": listed,
        "ContractedCost": contracted,
        "EffectiveCost": contracted,
        "BilledCost": contracted,
    }
    if kind in (Kind.COVERED, Kind.UNUSED):
        units |= {"EffectiveCost": committed, "BilledCost": 0}
    if kind in _PURCHASES:
        units = dict.fromkeys(units, committed) | {"EffectiveCost": 0}
    return units


@dataclass(frozen=True)
class _Texts:
    """Writes what each item says in the columns of a bill."""

    cloud: Cloud
    draws: Draws
    exchange: tuple[int, int]
    version: str

    def describe(self, service: Service, offer: Offer, kind: Kind) -> dict[str, str | None]:
        cloud = self.cloud
        text = offer.text.replace("{price}", offer.price)
        row: dict[str, str | None] = {
            "ChargeCategory": _CATEGORY.get(kind, "Usage"),
            "ChargeClass": "Correction" if kind is Kind.CORRECTION else None,
            "ChargeDescription": _TEXT.get(kind, "{text}").format(text=text, service=service.name),
            "ChargeFrequency": _FREQUENCY.get(kind, "Usage-Based"),
            "ServiceName": service.name,
            "ServiceCategory": service.category,
            "ServiceSubcategory": service.subcategory,
            "PublisherName": service.publisher or cloud.publisher,
            "ServiceProviderName": service.publisher or cloud.provider,
            "HostProviderName": None if service is _LEVIES else cloud.host or cloud.provider,
            "CommitmentDiscountStatus": {Kind.COVERED: "Used", Kind.UNUSED: "Unused"}.get(kind),
            "x_ServiceCode": service.code,
            "x_ServiceId": service.code,
            "x_SkuMeterCategory": service.name,
            "x_Credits": _CUT if kind is Kind.COVERED else "[]",
            "x_OciBackReferenceNumber": "V2.0042==" if kind is Kind.CORRECTION else None,
            "x_CostType": {Kind.TAX: "tax", Kind.ADJUSTMENT: "adjustment"}.get(kind, "regular"),
        }
        return row if kind in _PRICELESS else row | self._priced(offer, kind)

    def _priced(self, offer: Offer, kind: Kind) -> dict[str, str | None]:
        draws = self.draws.child(offer.meter)
        sku = draws.fill(self.cloud.sku) + ("F" if kind in _PURCHASES else "")
        units = _units(self.cloud, offer, kind)
        listed, contracted = units["ListCost"], units["ContractedCost"]
        decimals = offer.price_scaled[1] + 2
        factor, shift = self.exchange
        category = "Dynamic" if offer.dynamic else "Standard"
        return {
            "SkuId": sku,
            "SkuPriceId": sku + draws.fill(self.cloud.sku_price),
            "SkuMeter": offer.meter,
            "SkuPriceDetails": json.dumps(offer.details) if offer.details else None,
            "ListUnitPrice": scaled_text(listed * factor, decimals + shift),
            "ContractedUnitPrice": scaled_text(contracted * factor, decimals + shift),
            "PricingCurrencyListUnitPrice": scaled_text(listed, decimals),
            "PricingCurrencyContractedUnitPrice": scaled_text(contracted, decimals),
            "PricingUnit": offer.unit,
            "PricingCategory": "Committed" if kind in (Kind.COVERED, Kind.UNUSED) else category,
            "ConsumedUnit": ((offer.consumed_unit or offer.unit) if self._measured(kind) else None),
            "CommitmentProgramEligibilityDetails": (
                '{"CommitmentPrograms": [{"ProgramType": "Savings plan"}]}'
                if offer.commitment_percent
                else None
            ),
            "x_Operation": offer.code,
            "x_UsageType": offer.meter,
            "x_PricingSubcategory": category,
            "x_SkuMeterName": offer.meter,
            "x_SkuOfferId": "MS-AZR-0017P",
        }

    def _measured(self, kind: Kind) -> bool:
        """FOCUS 1.0 wants a consumed quantity (here 0) of the unused part, later versions none."""
        if kind is Kind.UNUSED:
            return self.version == "1.0"
        return kind in (Kind.USAGE, Kind.COVERED, Kind.CORRECTION)
