-- Which resources cost most in a month?
-- parameter month: month = newest
-- parameter most: number = 25
SELECT
    ProviderName,
    ServiceName,
    ResourceId,
    ResourceName,
    ResourceType,
    BillingCurrency,
    sum(EffectiveCost) AS effective_cost
FROM charges
WHERE BillingPeriodStart >= :month.begin
    AND BillingPeriodStart < :month.end
    AND ResourceId IS NOT NULL
GROUP BY 1, 2, 3, 4, 5, 6
ORDER BY
    effective_cost DESC NULLS LAST,
    ProviderName ASC NULLS LAST,
    ServiceName ASC NULLS LAST,
    ResourceId ASC NULLS LAST,
    ResourceName ASC NULLS LAST,
    ResourceType ASC NULLS LAST,
    BillingCurrency ASC NULLS LAST
LIMIT :most
