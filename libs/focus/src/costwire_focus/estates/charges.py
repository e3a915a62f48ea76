"""Making the charges of one file: usage by season, commitments, levies, corrections, anomalies."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast

import numpy as np

from costwire_focus.estates.draws import Draws, Ints
from costwire_focus.estates.estate import Estate, Slot
from costwire_focus.estates.inventory import Commitment, Inventory
from costwire_focus.estates.items import AMOUNT_DECIMALS, Items, Kind
from costwire_focus.estates.rows import Rows, costs_of, join, make_rows

MOST_QUANTITY = 10**8 - 1
_TAX_PERCENT = 19
_SHARES = (4, 3, 2, 1)  # tenths of a split charge
_STEPS = np.arange(1024, dtype=np.int64)
_SPREAD = 200 + 800 * _STEPS // 512 + 60 * _STEPS // (1040 - _STEPS)  # permille; long upper tail
_CENT = 10 ** (AMOUNT_DECIMALS - 2)


@dataclass(frozen=True)
class Making:
    """Everything that the groups of charges of one file are made from."""

    estate: Estate
    slot: Slot
    items: Items
    inventory: Inventory
    draws: Draws

    @property
    def period_hours(self) -> int:
        """The length of an ordinary charge period."""
        return 1 if self.slot.cloud.hourly else 24


@dataclass(frozen=True)
class Made:
    """The charges of one file, and what was planted in them (`rows.planted` counts into it)."""

    rows: Rows
    planted: list[dict[str, Any]]
    identical: int


def make_charges(making: Making) -> Made:
    """Make exactly as many charges as the slot wants, in an order of no meaning."""
    count, estate = making.slot.rows, making.estate
    planted: list[dict[str, Any]] = []
    groups = [
        _commitment(making, number, planted) for number in range(len(making.inventory.commitments))
    ]
    if estate.waste:
        groups += [_idle(making, number, planted) for number in range(len(making.inventory.idle))]
    if estate.anomalies and making.inventory.spikes:
        groups.append(_spike(making, planted))
    if estate.corrections and count >= 100:
        groups.append(_corrections(making, count // 250 + 1))
    if estate.focus_version >= "1.3" and count >= 200:
        groups.append(_shares(making, count // 400 + 1))
    levied = _levies_count(making)
    identical = count * estate.identical_permille // 1000
    plain = count - sum(map(len, groups)) - levied - identical
    usage = _usage(making, plain)
    groups += [usage, usage.take(np.arange(min(identical, plain), dtype=np.int64))]
    if levied:
        groups.append(_levies(making, join(groups)))
    order = making.draws.order("order", count)
    return Made(join(groups).take(order), planted, min(identical, plain))


def _usage(making: Making, count: int) -> Rows:
    draws, inventory, month = making.draws.child("usage"), making.inventory, making.slot.month
    weights = inventory.weights * _trend(making)[inventory.first_item]
    resource = draws.weighted("resource", weights, count)
    item = inventory.first_item[resource]
    item = item + draws.below("item", inventory.item_count[resource], count)
    day = draws.weighted("day", month.day_percent, count)
    hours = making.period_hours
    hour = draws.below("hour", 24 // hours, count)
    return make_rows(
        count,
        item=item,
        resource=resource,
        start=month.first_hour + day * 24 + hour,
        hours=hours,
        quantity=_quantity(making, draws, item, month.day_percent[day]),
        ordinary=True,
    )


def _quantity(making: Making, draws: Draws, item: Ints, season_percent: Ints) -> Ints:
    """Steady offers run whole periods or a part of one; others vary and have seasons."""
    items, count = making.items, len(item)
    typical = items.typical[item]
    spread = _SPREAD[draws.below("spread", 1024, count)]
    varied = typical * spread // 1000 * season_percent // 100
    varied = varied + draws.below("noise", typical // 8 + 1, count)
    minutes = np.minimum(draws.below("minutes", 480, count) + 1, 60)
    steady = typical * minutes // 60
    quantity = np.where(items.steady[item] == 1, steady, varied)
    return cast(Ints, np.clip(quantity, 1, MOST_QUANTITY))


def _trend(making: Making) -> Ints:
    """By item, how much more its service is used than in the first month, in permille."""
    permille = []
    services = list(making.slot.cloud.services)
    for service in making.items.services:
        level = 1000
        if service in services:
            percent = int(making.inventory.trend_percent[services.index(service)])
            for _ in range(making.slot.month_index):
                level = min(max(level * (100 + percent) // 100, 100), 10_000)
        permille.append(level)
    return np.array(permille, dtype=np.int64)


def _commitment(making: Making, number: int, planted: list[dict[str, Any]]) -> Rows:
    """A month of one commitment: its fee, and day by day the covered use and what was left over.

    The effective costs of a month add up to the month's part of what was paid, exactly.
    """
    commitment = making.inventory.commitments[number]
    draws, month = making.draws.child("commitment", number), making.slot.month
    whole = commitment.fleet * 24 * 10 ** int(making.items.quantity_decimals[commitment.item])
    percent = 88 + draws.below("percent", 13, month.days)
    if commitment.wasteful:
        percent = 20 + draws.below("percent", 15, month.days)
    weekend = np.where(month.day_percent < 100, 90, 100)
    used = np.maximum(whole * percent * weekend // 10_000, 1)
    start = month.first_hour + np.arange(month.days, dtype=np.int64) * 24
    covered = make_rows(
        month.days,
        item=making.items.position[commitment.item, Kind.COVERED],
        resource=commitment.users[draws.below("user", len(commitment.users), month.days)],
        start=start,
        hours=24,
        quantity=used,
        commitment=number,
    )
    left = np.flatnonzero(used < whole)
    waste = _plant(planted, _waste(making, commitment)) if commitment.wasteful else -1
    unused = make_rows(
        len(left),
        item=making.items.position[commitment.item, Kind.UNUSED],
        resource=commitment.resource,
        start=start[left],
        hours=24,
        quantity=(whole - used)[left],
        commitment=number,
        planted=waste,
    )
    return join([*_fee(making, number, whole), covered, unused])


def _fee(making: Making, number: int, day: int) -> list[Rows]:
    """Monthly, or once in the first month for a whole year."""
    commitment, month = making.inventory.commitments[number], making.slot.month
    if commitment.upfront and making.slot.month_index:
        return []
    kind = Kind.UPFRONT if commitment.upfront else Kind.RECURRING
    return [
        make_rows(
            1,
            item=making.items.position[commitment.item, kind],
            resource=commitment.resource,
            start=month.first_hour,
            hours=24 if commitment.upfront else month.days * 24,
            quantity=day * (365 if commitment.upfront else month.days),
            commitment=number,
        )
    ]


def _waste(making: Making, commitment: Commitment) -> dict[str, Any]:
    return {
        "kind": "unused commitment",
        "commitmentDiscountId": commitment.id,
        "serviceName": making.items.services[commitment.item].name,
    }


def _idle(making: Making, number: int, planted: list[dict[str, Any]]) -> Rows:
    resource, item = making.inventory.idle[number]
    month, items = making.slot.month, making.items
    hours = 24 // making.period_hours if items.steady[item] else 1
    found = {
        "kind": "idle resource",
        "resourceId": making.inventory.columns["ResourceId"][resource],
        "serviceName": items.services[item].name,
        "skuMeter": items.offers[item].meter,
    }
    return make_rows(
        month.days,
        item=item,
        resource=resource,
        start=month.first_hour + np.arange(month.days, dtype=np.int64) * 24,
        hours=24,
        quantity=int(items.typical[item]) * hours,
        planted=_plant(planted, found),
    )


def _spike(making: Making, planted: list[dict[str, Any]]) -> Rows:
    """One anomaly a month: a service costs many times the usual, or appears in a new region."""
    slot, inventory, draws = making.slot, making.inventory, making.draws.child("spike")
    number = slot.month_index % len(inventory.spikes)
    resource, item = inventory.spikes[number]
    days = 1 + draws.one("days", 3)
    first = 3 + draws.one("first", slot.month.days - 3 - days)
    count = max(slot.rows // 800, 6)
    start = slot.month.first_hour + (first + draws.below("day", days, count)) * 24
    found = {
        "kind": "new region" if number % 2 else "cost spike",
        "resourceId": inventory.columns["ResourceId"][resource],
        "regionId": inventory.columns["RegionId"][resource],
        "serviceName": making.items.services[item].name,
        "firstDay": f"{slot.month.name}-{first + 1:02d}",
        "days": days,
    }
    times = 8 + draws.below("times", 8, count)
    return make_rows(
        count,
        item=item,
        resource=resource,
        start=start,
        hours=24,
        quantity=np.minimum(making.items.typical[item] * times, MOST_QUANTITY),
        planted=_plant(planted, found),
    )


def _corrections(making: Making, count: int) -> Rows:
    """Changes to the month before, most of them in the customer's favour."""
    draws, inventory, items = making.draws.child("correction"), making.inventory, making.items
    resource = draws.weighted("resource", inventory.weights, count)
    usage = inventory.first_item[resource]
    item = np.array([items.position[int(one), Kind.CORRECTION] for one in usage], dtype=np.int64)
    sign = np.where(draws.below("sign", 4, count) == 0, 1, -1)
    tenth = items.typical[item] // 10 + draws.below("part", 7, count) + 1
    hours = making.period_hours
    periods = making.slot.month.first_hour // hours
    return make_rows(
        count,
        item=item,
        resource=resource,
        start=draws.below("period", periods, count) * hours,
        hours=hours,
        quantity=sign * tenth,
    )


def _shares(making: Making, charges: int) -> Rows:
    """Charges of shared clusters, each split into parts that differ in quantity and receiver."""
    draws, inventory, month = making.draws.child("shares"), making.inventory, making.slot.month
    shared = [number for number, one in enumerate(making.items.services) if one.shared]
    clusters = np.flatnonzero(np.isin(inventory.first_item, shared))
    if not len(clusters):
        clusters, charges = np.zeros(1, dtype=np.int64), 0
    parts = np.array(_SHARES, dtype=np.int64)
    cluster = np.repeat(clusters[draws.below("cluster", len(clusters), charges)], len(parts))
    day = np.repeat(draws.below("day", month.days, charges), len(parts))
    item = inventory.first_item[cluster]
    return make_rows(
        charges * len(parts),
        item=item,
        resource=cluster,
        start=month.first_hour + day * 24,
        hours=making.period_hours,
        quantity=making.items.typical[item] * np.tile(parts, charges) // 10,
        share=np.tile(np.arange(len(parts), dtype=np.int64), charges),
    )


def _levies_count(making: Making) -> int:
    accounts = len(making.inventory.accounts)
    return 0 if making.slot.rows < 60 else accounts + (accounts + 1) // 2 + accounts // 3 + 1


def _levies(making: Making, rows: Rows) -> Rows:
    """Tax on each account's charges, credits and refunds to some, one rounding of the invoice."""
    inventory, items, draws = making.inventory, making.items, making.draws.child("levies")
    accounts = np.array(inventory.accounts, dtype=np.int64)
    billed = _billed_by_account(making, rows, len(accounts))
    some, few = np.arange(0, len(accounts), 2), np.arange(2, len(accounts), 3)
    parts = [
        (items.levies[Kind.TAX], accounts, billed * _TAX_PERCENT // 100 // _CENT * _CENT),
        (items.position[0, Kind.CREDIT], accounts[some], -(billed[some] // 50)),
        (items.position[0, Kind.REFUND], accounts[few], -(billed[few] // 200)),
        (
            items.levies[Kind.ADJUSTMENT],
            accounts[:1],
            draws.below("rounding", 9_999, 1) - 4_999,
        ),
    ]
    month = making.slot.month
    return join(
        make_rows(
            len(resource),
            item=item,
            resource=resource,
            start=month.first_hour,
            hours=month.days * 24,
            amount=amount,
        )
        for item, resource, amount in parts
    )


def _billed_by_account(making: Making, rows: Rows, accounts: int) -> Ints:
    """What was billed to each account, to the sixth decimal."""
    costs = costs_of(rows, making.items)
    surplus = costs.decimals - AMOUNT_DECIMALS
    billed = costs.values["BilledCost"] * 10 ** np.maximum(-surplus, 0)
    billed = billed // 10 ** np.maximum(surplus, 0)
    totals = np.zeros(accounts, dtype=np.int64)
    np.add.at(totals, making.inventory.account[rows.resource], billed)
    return np.maximum(totals, 0)


def _plant(planted: list[dict[str, Any]], found: dict[str, Any]) -> int:
    planted.append(found)
    return len(planted) - 1
