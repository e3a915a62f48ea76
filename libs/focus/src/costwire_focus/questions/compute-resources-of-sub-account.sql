-- Which machines of one sub account cost most in a month, and how much were they used?
-- parameter sub_account: text = commonest SubAccountId where ServiceCategory = 'Compute'
-- parameter month: month = newest
-- parameter most: number = 100
SELECT
    ServiceName,
    ResourceId,
    ResourceName,
    PricingUnit,
    BillingCurrency,
    min(ChargePeriodStart) AS first_charge,
    max(ChargePeriodEnd) AS last_charge,
    sum(PricingQuantity) AS quantity,
    sum(EffectiveCost) AS effective_cost
FROM charges
WHERE BillingPeriodStart >= :month.begin
    AND BillingPeriodStart < :month.end
    AND SubAccountId = :sub_account
    AND ServiceCategory = 'Compute'
GROUP BY 1, 2, 3, 4, 5
ORDER BY
    effective_cost DESC NULLS LAST,
    ServiceName ASC NULLS LAST,
    ResourceId ASC NULLS LAST,
    ResourceName ASC NULLS LAST,
    PricingUnit ASC NULLS LAST,
    BillingCurrency ASC NULLS LAST
LIMIT :most
