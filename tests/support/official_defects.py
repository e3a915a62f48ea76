"""Why a verdict of the official validator (2.2.1, model 1.2.0.1) is not Costwire's, by rule."""

from __future__ import annotations

_DATES = "a date/time column in which one cell is null or unreadable is dropped as a whole"
_LIST = "alternatives are counted so that a value outside a closed list passes"
_CLASS = "its condition is never true where ChargeClass is null, which is every ordinary charge"
_TYPE = "text of digits alone is guessed to be a number, and whole numbers to be no decimals"
_TEXT = "one cell with a sign makes its column text, which is compared as such"
_NULL_KEY = "rows without a name count as a service with no category"

_REASONS = {
    **dict.fromkeys(
        (
            *("CostAndUsage-D-009-M", "CostAndUsage-D-010-M"),
            *("CostAndUsage-D-028-M", "CostAndUsage-D-037-M"),
            *(
                f"{column}-C-00{number}-M"
                for column in (
                    *("BillingPeriodStart", "BillingPeriodEnd"),
                    *("ChargePeriodStart", "ChargePeriodEnd"),
                )
                for number in (1, 2, 3)
            ),
        ),
        _DATES,
    ),
    **dict.fromkeys(
        (
            *("CapacityReservationStatus-C-006-M", "ChargeCategory-C-003-M"),
            *("ChargeFrequency-C-003-M", "CommitmentDiscountCategory-C-005-M"),
            *("PricingCategory-C-007-M", "ServiceCategory-C-003-M"),
            *("ServiceSubcategory-C-003-M", "ServiceSubcategory-C-004-M"),
        ),
        _LIST,
    ),
    **dict.fromkeys(
        (
            *("ContractedUnitPrice-C-006-C", "ListUnitPrice-C-005-C", "PricingCategory-C-004-C"),
            *("PricingQuantity-C-005-C", "SkuId-C-005-C", "SkuPriceId-C-005-C"),
            *("PricingCurrencyListUnitPrice-C-005-C", "CommitmentDiscountQuantity-C-005-C"),
            *("ListCost-C-009-C", "ContractedUnitPrice-C-011-C", "ListUnitPrice-C-010-C"),
        ),
        _CLASS,
    ),
    **dict.fromkeys(
        (
            *("BillingAccountId-C-002-M", "SubAccountId-C-001-M"),
            *("CommitmentDiscountName-C-001-M", "CommitmentDiscountType-C-001-M"),
            *("CommitmentDiscountUnit-C-001-M", "CommitmentDiscountQuantity-C-001-M"),
        ),
        _TYPE,
    ),
    "ConsumedUnit-C-006-C": "Costwire judges no other cell of a row whose amount is unreadable",
    **dict.fromkeys(("ListUnitPrice-C-008-M", "ContractedUnitPrice-C-009-C"), _TEXT),
    **dict.fromkeys(("ServiceName-C-005-C", "ServiceName-C-008-C"), _NULL_KEY),
    "InvoiceId-C-004-C": "its two rules on null have no condition and contradict each other",
    "InvoiceId-C-005-C": "its two rules on null have no condition and contradict each other",
    "CapacityReservationStatus-C-004-C": "its condition is lost: it fails on every null",
    "CommitmentDiscountStatus-C-004-C": "its condition is the wrong way round",
    "ConsumedQuantity-C-006-C": "its condition is the wrong way round: it tests corrections alone",
    "CommitmentDiscountStatus-C-005-M": "it allows Active, Expired and Pending",
    "EffectiveCost-C-005-C": "it wants 0 on every Purchase, not on those of commitments alone",
    "PricingCurrencyEffectiveCost-C-004-M": "it checks the column PricingCurrencyListUnitPrice",
    "BilledCost-C-005-C": "it takes a provider that is not the issuer for a marketplace",
}


def reason(rule: str) -> str | None:
    """What explains a difference; None where nothing does yet."""
    return _REASONS.get(rule)
