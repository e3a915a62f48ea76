-- What does each service cost in each region?
-- parameter month: month = newest
SELECT
    ProviderName,
    RegionId,
    RegionName,
    ServiceName,
    BillingCurrency,
    sum(EffectiveCost) AS effective_cost
FROM charges
WHERE BillingPeriodStart >= :month.begin
    AND BillingPeriodStart < :month.end
GROUP BY 1, 2, 3, 4, 5
ORDER BY
    BillingCurrency ASC NULLS LAST,
    effective_cost DESC NULLS LAST,
    ProviderName ASC NULLS LAST,
    RegionId ASC NULLS LAST,
    RegionName ASC NULLS LAST,
    ServiceName ASC NULLS LAST
