"""The specification's ids of the rules that Costwire checks; ids of our own begin with `CW-`.

A rule of the model for 1.2 is called `<entity>-<kind>-<number>-<level>` there, and stands for 1.0
to 1.2; the model for 1.3 puts `CAU-` before those of columns and of the dataset, gave some another
level, and stands for 1.3 and newer.
Source: FOCUS requirements models 1.2 and 1.3 (ids only).
"""

import re
from collections.abc import Mapping
from typing import Final

OWN_PREFIX: Final = "CW-"
_DATASET_PREFIX: Final = "CAU-"
_FIRST_PREFIXED: Final = "1.3"
_ATTRIBUTE: Final = re.compile(r"-A-[0-9]{3}-")

_OTHER_LEVEL: Final = {
    "CommitmentDiscountQuantity-C-009-M": "C",
    "ContractedCost-C-008-C": "M",
    "ContractedUnitPrice-C-009-C": "M",
    "EffectiveCost-C-010-C": "M",
    "ListCost-C-008-C": "M",
}

NOT_NULL: Final[Mapping[str, str]] = {
    "BilledCost": "C-003-M",
    "BillingAccountId": "C-001-M",
    "BillingAccountType": "C-005-C",
    "BillingCurrency": "C-004-M",
    "BillingPeriodEnd": "C-003-M",
    "BillingPeriodStart": "C-003-M",
    "ChargeCategory": "C-002-M",
    "ChargeFrequency": "C-002-M",
    "ChargePeriodEnd": "C-003-M",
    "ChargePeriodStart": "C-003-M",
    "ContractedCost": "C-003-M",
    "EffectiveCost": "C-003-M",
    "InvoiceIssuerName": "C-003-M",
    "ListCost": "C-003-M",
    "PricingCurrency": "C-004-M",
    "PricingCurrencyEffectiveCost": "C-003-M",
    "ProviderName": "C-003-M",
    "PublisherName": "C-003-M",
    "ServiceCategory": "C-002-M",
    "ServiceName": "C-003-M",
    "ServiceProviderName": "C-003-M",
    "ServiceSubcategory": "C-002-M",
}

ALLOWED_VALUES: Final[Mapping[str, str]] = {
    "CapacityReservationStatus": "C-006-M",
    "ChargeCategory": "C-003-M",
    "ChargeClass": "C-005-C",
    "ChargeFrequency": "C-003-M",
    "CommitmentDiscountCategory": "C-005-M",
    "CommitmentDiscountStatus": "C-005-M",
    "PricingCategory": "C-007-M",
    "ServiceCategory": "C-003-M",
    "ServiceSubcategory": "C-003-M",
}

FORMAT: Final[Mapping[str, str]] = {
    "AllocatedMethodDetails": "C-003-M",
    "AllocatedTags": "C-001-M",
    "BilledCost": "C-002-M",
    "BillingCurrency": "C-003-M",
    "BillingPeriodEnd": "C-002-M",
    "BillingPeriodStart": "C-002-M",
    "ChargePeriodEnd": "C-002-M",
    "ChargePeriodStart": "C-002-M",
    "CommitmentDiscountQuantity": "C-002-M",
    "ConsumedQuantity": "C-002-M",
    "ContractApplied": "C-001-M",
    "ContractedCost": "C-002-M",
    "ContractedUnitPrice": "C-003-M",
    "EffectiveCost": "C-002-M",
    "ListCost": "C-002-M",
    "ListUnitPrice": "C-002-M",
    "PricingCurrency": "C-003-M",
    "PricingCurrencyContractedUnitPrice": "C-002-M",
    "PricingCurrencyEffectiveCost": "C-002-M",
    "PricingCurrencyListUnitPrice": "C-002-M",
    "PricingQuantity": "C-002-M",
    "SkuPriceDetails": "C-001-M",
    "Tags": "C-001-M",
}

NOT_NEGATIVE: Final[Mapping[str, str]] = {
    "ContractedUnitPrice": "C-009-C",
    "ListUnitPrice": "C-008-M",
    "PricingCurrencyContractedUnitPrice": "C-008-C",
    "PricingCurrencyListUnitPrice": "C-008-M",
}

UNITS: Final[Mapping[str, str]] = {
    "CommitmentDiscountUnit": "C-003-M",
    "ConsumedUnit": "C-003-O",
    "PricingUnit": "C-003-O",
}

PRESENCE: Final[Mapping[str, str]] = {
    "AvailabilityZone": "D-003-C",
    "BilledCost": "D-006-M",
    "BillingAccountId": "D-024-M",
    "BillingAccountName": "D-005-M",
    "BillingAccountType": "D-007-C",
    "BillingCurrency": "D-035-M",
    "BillingPeriodEnd": "D-010-M",
    "BillingPeriodStart": "D-009-M",
    "CapacityReservationId": "D-065-C",
    "CapacityReservationStatus": "D-020-C",
    "ChargeCategory": "D-008-M",
    "ChargeClass": "D-026-M",
    "ChargeDescription": "D-025-M",
    "ChargeFrequency": "D-027-O",
    "ChargePeriodEnd": "D-028-M",
    "ChargePeriodStart": "D-037-M",
    "CommitmentDiscountCategory": "D-016-C",
    "CommitmentDiscountId": "D-013-C",
    "CommitmentDiscountName": "D-012-C",
    "CommitmentDiscountQuantity": "D-018-C",
    "CommitmentDiscountStatus": "D-017-C",
    "CommitmentDiscountType": "D-014-C",
    "CommitmentDiscountUnit": "D-015-C",
    "ConsumedQuantity": "D-011-C",
    "ConsumedUnit": "D-066-C",
    "ContractedCost": "D-030-M",
    "ContractedUnitPrice": "D-034-C",
    "EffectiveCost": "D-031-M",
    "HostProviderName": "D-075-M",
    "InvoiceId": "D-033-O",
    "InvoiceIssuerName": "D-023-M",
    "ListCost": "D-032-M",
    "ListUnitPrice": "D-004-C",
    "PricingCategory": "D-022-C",
    "PricingCurrency": "D-045-C",
    "PricingCurrencyContractedUnitPrice": "D-047-C",
    "PricingCurrencyEffectiveCost": "D-051-C",
    "PricingCurrencyListUnitPrice": "D-055-C",
    "PricingQuantity": "D-036-M",
    "PricingUnit": "D-068-M",
    "ProviderName": "D-038-M",
    "PublisherName": "D-021-M",
    "RegionId": "D-063-C",
    "RegionName": "D-062-C",
    "ResourceId": "D-043-C",
    "ResourceName": "D-044-C",
    "ResourceType": "D-039-C",
    "ServiceCategory": "D-040-M",
    "ServiceName": "D-041-M",
    "ServiceProviderName": "D-076-M",
    "ServiceSubcategory": "D-042-O",
    "SkuId": "D-060-C",
    "SkuMeter": "D-059-C",
    "SkuPriceDetails": "D-061-C",
    "SkuPriceId": "D-058-C",
    "SubAccountId": "D-019-C",
    "SubAccountName": "D-029-C",
    "SubAccountType": "D-067-C",
    "Tags": "D-064-C",
}


def spec_id(base: str, version: str) -> str:
    """The id of a rule in the model that stands for `version`, from its id in the model for 1.2."""
    if version < _FIRST_PREFIXED or _ATTRIBUTE.search(base):
        return base
    return _DATASET_PREFIX + base[:-1] + _OTHER_LEVEL.get(base, base[-1])


def column_id(column: str, rules: Mapping[str, str], what: str, version: str) -> str:
    """The id of a rule about one column; one of our own, named by `what`, where there is none."""
    known = rules.get(column)
    return spec_id(f"{column}-{known}", version) if known else f"{OWN_PREFIX}{column}-{what}"


def presence_id(column: str, version: str) -> str:
    """The id of the rule that a report has the column."""
    known = PRESENCE.get(column)
    return spec_id(f"CostAndUsage-{known}", version) if known else f"{OWN_PREFIX}{column}-Presence"
