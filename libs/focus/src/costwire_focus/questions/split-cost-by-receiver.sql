-- Whom does the cost of shared resources belong to, by the provider's own split?
-- parameter month: month = newest
SELECT
    ProviderName,
    ServiceName,
    ResourceId,
    AllocatedMethodId,
    AllocatedResourceId,
    AllocatedResourceName,
    BillingCurrency,
    count(*) AS charges_counted,
    sum(EffectiveCost) AS effective_cost
FROM charges
WHERE BillingPeriodStart >= :month.begin
    AND BillingPeriodStart < :month.end
    AND AllocatedMethodId IS NOT NULL
GROUP BY 1, 2, 3, 4, 5, 6, 7
ORDER BY
    ProviderName ASC NULLS LAST,
    ServiceName ASC NULLS LAST,
    ResourceId ASC NULLS LAST,
    AllocatedMethodId ASC NULLS LAST,
    AllocatedResourceId ASC NULLS LAST,
    AllocatedResourceName ASC NULLS LAST,
    BillingCurrency ASC NULLS LAST
