"""A charge that breaks no rule of any version, and a way to check charges in one call."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pyarrow as pa
import pytest

from costwire_focus.batch import Batch
from costwire_focus.columns import columns_of
from costwire_focus.rules import Checked, Finding, Validator

Charge = dict[str, str | None]

_USAGE: Charge = {
    "AvailabilityZone": "eu-west-1a",
    "BilledCost": "1.50",
    "BillingAccountId": "000123456789",
    "BillingAccountName": "Main",
    "BillingAccountType": "Payer",
    "BillingCurrency": "EUR",
    "BillingPeriodEnd": "2024-10-01T00:00:00Z",
    "BillingPeriodStart": "2024-09-01T00:00:00Z",
    "ChargeCategory": "Usage",
    "ChargeDescription": "Hours of a virtual machine",
    "ChargeFrequency": "Usage-Based",
    "ChargePeriodEnd": "2024-09-02T00:00:00Z",
    "ChargePeriodStart": "2024-09-01T00:00:00Z",
    "ConsumedQuantity": "3",
    "ConsumedUnit": "Hours",
    "ContractedCost": "1.50",
    "ContractedUnitPrice": "0.50",
    "EffectiveCost": "1.50",
    "HostProviderName": "Cloud",
    "InvoiceId": "2024-09",
    "InvoiceIssuerName": "Cloud Ltd",
    "ListCost": "1.80",
    "ListUnitPrice": "0.60",
    "PricingCategory": "Standard",
    "PricingCurrency": "EUR",
    "PricingCurrencyContractedUnitPrice": "0.50",
    "PricingCurrencyEffectiveCost": "1.50",
    "PricingCurrencyListUnitPrice": "0.60",
    "PricingQuantity": "3",
    "PricingUnit": "Hours",
    "ProviderName": "Cloud",
    "PublisherName": "Cloud",
    "RegionId": "eu-west-1",
    "RegionName": "Ireland",
    "ResourceId": "vm-1",
    "ResourceName": "web",
    "ResourceType": "Virtual machine",
    "ServiceCategory": "Compute",
    "ServiceName": "Machines",
    "ServiceProviderName": "Cloud",
    "ServiceSubcategory": "Virtual Machines",
    "SkuId": "sku",
    "SkuMeter": "Compute hours",
    "SkuPriceDetails": '{"CoreCount": 2, "InstanceType": "m1", "x_Family": "m"}',
    "SkuPriceId": "sku.1",
    "SubAccountId": "42",
    "SubAccountName": "Shop",
    "SubAccountType": "Account",
    "Tags": '{"team": "web", "paid": true}',
}


@pytest.fixture
def a_charge() -> Callable[..., Charge]:
    """Builds a valid Usage charge of a version; keyword arguments change or add cells."""

    def build(version: str = "1.2", **cells: str | None) -> Charge:
        return (
            dict.fromkeys(columns_of(version))
            | {name: cell for name, cell in _USAGE.items() if name in columns_of(version)}
            | cells
        )

    return build


@pytest.fixture
def a_batch() -> Callable[..., Batch]:
    """Builds a batch as the readers do: columns of text, lines from 2 on."""

    def build(charges: Sequence[Mapping[str, str | None]], file: str = "part.csv") -> Batch:
        names = list(charges[0])
        table = pa.table(
            {name: pa.array([row.get(name) for row in charges], pa.string()) for name in names}
        )
        lines = pa.array(range(2, 2 + len(charges)), pa.int64())
        return Batch(table, lines, file, lambda index: f"raw {index}".encode())

    return build


@pytest.fixture
def check(a_batch: Callable[..., Batch]) -> Callable[..., tuple[Checked, Mapping[str, Finding]]]:
    """Validates charges as one batch and gives what is left of it, and the findings."""

    def run(
        *charges: Charge, version: str = "1.2", **options: Any
    ) -> tuple[Checked, Mapping[str, Finding]]:
        validator = Validator(list(charges[0]), version, **options)
        checked = validator.check(a_batch(charges))
        return checked, validator.findings

    return run
