"""What a cloud runs in an estate: accounts, resources and commitments, the same in every month."""

from __future__ import annotations

import json
from dataclasses import dataclass

import numpy as np

from costwire_focus.estates.catalogue import Cloud, CommitmentKind, Region, Service
from costwire_focus.estates.draws import Draws, Ints
from costwire_focus.estates.items import Items, Kind
from costwire_focus.estates.tags import ENVIRONMENTS, TEAMS, tags_text

Texts = dict[str, str | None]

_ROLES = ("api", "web", "worker", "etl", "cache", "batch", "gateway")
_ROWS_PER_RESOURCE = 40
_MOST_RESOURCES = 2_000


@dataclass(frozen=True)
class Commitment:
    """A commitment discount for a fleet of one offer, used every day of every month."""

    id: str
    name: str
    kind: CommitmentKind
    item: int  # the USAGE item that it covers
    resource: int  # its own row in the inventory
    users: Ints  # the resources that consume it
    fleet: int  # how many units run day and night
    upfront: bool
    wasteful: bool


@dataclass(frozen=True)
class Inventory:
    """Texts by column and inventory row: resources first, then idle ones, accounts, commitments."""

    columns: dict[str, list[str | None]]
    first_item: Ints  # of the resources that draw usage
    item_count: Ints
    weights: Ints
    idle: list[tuple[int, int]]  # inventory row, USAGE item
    spikes: list[tuple[int, int]]  # a resource in a region of its own, and its USAGE item
    accounts: list[int]
    commitments: list[Commitment]
    account: Ints  # by inventory row: the number of its account
    trend_percent: Ints  # by service: growth of its use from month to month


@dataclass(frozen=True)
class InventorySize:
    """How many of each to make."""

    rows: int
    idle: int
    spikes: int
    commitments: int
    untagged_percent: int
    waste: bool


class _Builder:
    """Collects inventory rows; each depends on its own number only, so growth adds and keeps."""

    def __init__(self, cloud: Cloud, draws: Draws, part: int) -> None:
        self.cloud = cloud
        self.draws = draws
        self.part = part
        self.rows: list[Texts] = []
        self.account: list[int] = []
        self.accounts = [self._account(index) for index in range(len(TEAMS))]

    def _account(self, index: int) -> Texts:
        cloud, draws = self.cloud, self.draws.child("account", index)
        payer = self.draws.child("payer")
        name = f"{TEAMS[index]}-{ENVIRONMENTS[draws.one('environment', len(ENVIRONMENTS))]}"
        sub = draws.fill(cloud.sub_account.replace("{name}", name))
        return {
            "BillingAccountId": payer.fill(cloud.account),
            "BillingAccountName": "Wide World Importers",
            "BillingAccountType": cloud.account_type,
            "SubAccountId": sub,
            "SubAccountName": name,
            "SubAccountType": cloud.sub_account_type,
            "x_AccountOwnerId": f"{TEAMS[index]}@example.com",
            "x_BillingProfileName": "Wide World Importers (EMEA)",
            "x_InvoiceSectionName": TEAMS[index],
            "x_Project": json.dumps({"id": sub, "name": name, "ancestors": ["org", "folder"]}),
            "x_OciCompartmentId": draws.fill("ocid1.compartment.oc1..aa{a58}"),
            "x_OciCompartmentName": name,
            "x_OciOverageFlag": "N",
            "x_Contract.Number": payer.fill("C-{D6}"),
            "x_Seat Count": str(5 + draws.one("seats", 200)),
            "x_Größe": ("klein", "mittel", "groß")[draws.one("size", 3)],
        }

    def account_of(self, number: int) -> Texts:
        return self.accounts[number % len(self.accounts)]

    def add(self, row: Texts, account: int) -> int:
        self.rows.append(row)
        self.account.append(account % len(self.accounts))
        return len(self.rows) - 1

    def resource(
        self, label: str, number: int, service: Service, region: Region, untagged_percent: int
    ) -> int:
        """One resource of a service; its texts depend on its label and number only."""
        cloud, draws = self.cloud, self.draws.child(label, self.part, number)
        team = draws.one("team", len(TEAMS))
        account = self.accounts[team]
        environment = ENVIRONMENTS[draws.one("environment", len(ENVIRONMENTS))]
        role = _ROLES[draws.one("role", len(_ROLES))]
        name = f"{TEAMS[team]}-{role}-{number:04d}" + (f"-{self.part}" if self.part else "")
        tagged = draws.one("tagged", 100) >= untagged_percent
        zone = None
        if service.zonal and region.zones and "AvailabilityZone" not in cloud.absent:
            suffix = region.zones[draws.one("zone", len(region.zones))]
            zone = suffix if suffix.startswith("AD") else f"{region.id}{_dash(cloud)}{suffix}"
        shape = service.resource.replace("{zone}", zone or region.id)
        identity = draws.fill(_placed(shape, account, region, name))
        row = account | {
            "RegionId": region.id,
            "RegionName": region.name,
            "AvailabilityZone": zone,
            "ResourceId": identity,
            "ResourceName": name if cloud.key != "aws" or number % 3 == 0 else None,
            "ResourceType": service.resource_type,
            "Tags": tags_text(cloud, TEAMS[team], environment, draws)
            if tagged
            else cloud.untagged_text,
            "x_ResourceGroupName": f"rg-{name}",
            "x_Location": f'{{"location": "{region.id}", "country": null}}',
            "x_CostCategories": f'{{"Unit": "{TEAMS[team]}"}}',
            "x_Discounts": "{}",
            "x_OciReferenceNumber": draws.fill("V2.{D10}=="),
        }
        if service.zonal and number % 17 == 0:
            row["CapacityReservationId"] = draws.fill("cr-{h17}")
            row["CapacityReservationStatus"] = "Used"
        return self.add(row, team)


def make_inventory(
    cloud: Cloud, items: Items, draws: Draws, part: int, size: InventorySize
) -> Inventory:
    """Make the inventory of one file; the number of rows decides its size, never its members."""
    build = _Builder(cloud, draws, part)
    count = min(max(size.rows // _ROWS_PER_RESOURCE, 8), _MOST_RESOURCES)
    services = draws.child("services", part).weighted("service", _weights(cloud), count).tolist()
    services[: len(cloud.services)] = range(len(cloud.services))  # none is left out
    homes = draws.child("homes", part).weighted("region", _home_weights(cloud), count).tolist()
    for number, (service, region) in enumerate(zip(services, homes, strict=True)):
        build.resource(
            "resource",
            number,
            cloud.services[service],
            cloud.regions[region],
            size.untagged_percent,
        )
    idle = [_idle(build, items, number, size.untagged_percent) for number in range(size.idle)]
    spikes = [_spike(build, items, number) for number in range(size.spikes)]
    accounts = [build.add(texts, number) for number, texts in enumerate(build.accounts)]
    buyable = [usage for usage, kind in items.position if kind is Kind.COVERED]
    commitments = [
        _commitment(build, items, number, buyable, np.array(services), size.waste)
        for number in range(size.commitments)
        if buyable
    ]
    names = {name for row in build.rows for name in row}
    trends = draws.weighted("trend", (6, 3, 2, 2), len(cloud.services))
    return Inventory(
        columns={name: [row.get(name) for row in build.rows] for name in names},
        first_item=np.array([items.first_of_service[service] for service in services]),
        item_count=np.array([len(cloud.services[service].offers) for service in services]),
        weights=np.array([10**6 // (number + 12) for number in range(count)]),
        idle=idle,
        spikes=spikes,
        accounts=accounts,
        commitments=commitments,
        account=np.array(build.account),
        trend_percent=np.array([2, -3, 34, -21])[trends],
    )


def _idle(build: _Builder, items: Items, number: int, untagged_percent: int) -> tuple[int, int]:
    meter = build.cloud.idle[number % len(build.cloud.idle)]
    item = next(index for index, offer in enumerate(items.offers) if offer.meter == meter)
    region = build.cloud.regions[number % 2]
    row = build.resource("idle", number, items.services[item], region, untagged_percent)
    return row, item


def _spike(build: _Builder, items: Items, number: int) -> tuple[int, int]:
    """A resource for an anomaly; every other one appears in a region that nothing else uses."""
    region = build.cloud.regions[-1 if number % 2 else 0]
    services = [service for service in build.cloud.services if not service.shared]
    service = services[build.draws.child("spike", build.part, number).one("s", len(services))]
    item = items.first_of_service[build.cloud.services.index(service)]
    return build.resource("spike", number, service, region, 50), item


def _commitment(
    build: _Builder, items: Items, number: int, buyable: list[int], services: Ints, waste: bool
) -> Commitment:
    cloud, draws = build.cloud, build.draws.child("commitment", build.part, number)
    kind = cloud.commitments[number % len(cloud.commitments)]
    item = buyable[draws.one("item", len(buyable))]
    account, region = build.account_of(number), cloud.regions[0]
    identity = draws.fill(_placed(kind.shape, account, region, f"commitment-{number}"))
    resource = build.add(
        account
        | {
            "RegionId": region.id,
            "RegionName": region.name,
            "ResourceId": identity,
            "ResourceName": kind.name,
            "ResourceType": kind.type,
            "Tags": cloud.untagged_text,
        },
        number,
    )
    service = cloud.services.index(items.services[item])
    users = np.flatnonzero(services == service)
    upfront = number % 4 == 1
    if not len(users):
        users = np.array([resource])
    return Commitment(
        id=identity,
        name=kind.name,
        kind=kind,
        item=item,
        resource=resource,
        users=users,
        fleet=1 if upfront else 1 + draws.one("fleet", 8),
        upfront=upfront,
        wasteful=waste and number % 8 == 0,
    )


def _weights(cloud: Cloud) -> list[int]:
    return [service.weight for service in cloud.services]


def _home_weights(cloud: Cloud) -> list[int]:
    """The last region is kept free, so that an anomaly there stands out."""
    return [12 // (place + 1) for place in range(len(cloud.regions) - 1)] + [0]


def _placed(shape: str, account: Texts, region: Region, name: str) -> str:
    sub = account["SubAccountId"] or ""
    return shape.replace("{account}", sub).replace("{region}", region.id).replace("{name}", name)


def _dash(cloud: Cloud) -> str:
    return "-" if cloud.key == "gcp" else ""
