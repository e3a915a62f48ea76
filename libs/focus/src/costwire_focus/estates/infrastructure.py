"""The machines, disks and Kubernetes clusters that an estate's bills charge for."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal, cast

from costwire_focus.estates.draws import Draws
from costwire_focus.estates.estate import EXCHANGE, Estate, Slot, slots
from costwire_focus.estates.inventory import Inventory, InventorySize, make_inventory
from costwire_focus.estates.items import make_items

Kind = Literal["machine", "disk", "cluster"]
_KINDS: Mapping[str, Kind] = {
    "Virtual Machines": "machine",
    "Block Storage": "disk",
    "Containers": "cluster",
}
"""By the subcategory of the service."""


@dataclass(frozen=True)
class Resource:
    """One of them, as the columns of its charges say."""

    kind: Kind
    cloud: str
    """The key of the estate's cloud, such as `aws`."""
    resource_id: str
    resource_name: str | None
    account: str
    region: str
    zone: str | None
    tags: Mapping[str, str] = field(default_factory=dict)
    """Those whose values are texts."""


def infrastructure(estate: Estate) -> list[Resource]:
    """Those in use, each once: neither what stands idle nor what an anomaly brings.

    A report of few charges need not have one of each.
    """
    found: dict[str, Resource] = {}
    for slot in slots(estate):
        for resource in _of_slot(estate, slot):
            found.setdefault(resource.resource_id, resource)
    return [*found.values()]


def _of_slot(estate: Estate, slot: Slot) -> Iterator[Resource]:
    kinds = {
        service.resource_type: _KINDS[service.subcategory]
        for service in slot.cloud.services
        if service.subcategory in _KINDS
    }
    inventory = _used(estate, slot)
    columns = {
        name: inventory.columns.get(name, [])
        for name in (
            "ResourceType",
            "ResourceId",
            "ResourceName",
            "SubAccountId",
            "RegionId",
            "AvailabilityZone",
            "Tags",
        )
    }
    for type_, id_, name, account, region, zone, tags in zip(*columns.values(), strict=True):
        if type_ in kinds and id_ and account and region:
            yield Resource(
                kinds[type_], slot.cloud.key, id_, name, account, region, zone, _texts(tags)
            )


def _used(estate: Estate, slot: Slot) -> Inventory:
    """The slot's inventory without what is not in use; its resources are those of the reports."""
    cloud = slot.cloud
    draws = Draws(estate.seed, cloud.key)
    exchange = EXCHANGE[estate.currency_of(cloud.key)]
    items = make_items(cloud, draws.child("items"), exchange, estate.focus_version)
    size = InventorySize(
        rows=slot.rows,
        idle=0,
        spikes=0,
        commitments=0,
        untagged_percent=estate.untagged_percent,
        waste=False,
    )
    return make_inventory(cloud, items, draws.child("inventory"), slot.part, size)


def _texts(tags: str | None) -> Mapping[str, str]:
    told = cast(dict[str, object], json.loads(tags or "{}"))
    return {key: value for key, value in told.items() if isinstance(value, str)}
