-- Which resources lack a tag and cost most?
-- parameter tag: tag = team
-- parameter month: month = newest
-- parameter most: number = 25
SELECT
    ProviderName,
    SubAccountName,
    ServiceName,
    ResourceId,
    BillingCurrency,
    sum(EffectiveCost) AS effective_cost
FROM charges
WHERE BillingPeriodStart >= :month.begin
    AND BillingPeriodStart < :month.end
    AND ResourceId IS NOT NULL
    AND Tags[:tag] IS NULL
GROUP BY 1, 2, 3, 4, 5
ORDER BY
    effective_cost DESC NULLS LAST,
    ProviderName ASC NULLS LAST,
    SubAccountName ASC NULLS LAST,
    ServiceName ASC NULLS LAST,
    ResourceId ASC NULLS LAST,
    BillingCurrency ASC NULLS LAST
LIMIT :most
