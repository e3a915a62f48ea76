-- Which services cause the usage that lacks a tag?
-- parameter tag: tag = team
-- parameter month: month = newest
SELECT
    ProviderName,
    ServiceName,
    BillingCurrency,
    count(*) AS charges_counted,
    sum(EffectiveCost) AS effective_cost
FROM charges
WHERE BillingPeriodStart >= :month.begin
    AND BillingPeriodStart < :month.end
    AND ChargeCategory = 'Usage'
    AND Tags[:tag] IS NULL
GROUP BY 1, 2, 3
ORDER BY
    effective_cost DESC NULLS LAST,
    ProviderName ASC NULLS LAST,
    ServiceName ASC NULLS LAST,
    BillingCurrency ASC NULLS LAST
