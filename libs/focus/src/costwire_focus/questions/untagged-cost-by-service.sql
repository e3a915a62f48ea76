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
    AND CAST(Tags[:tag] AS TEXT) IS NULL
GROUP BY 1, 2, 3
ORDER BY
    BillingCurrency ASC NULLS LAST,
    effective_cost DESC NULLS LAST,
    ProviderName ASC NULLS LAST,
    ServiceName ASC NULLS LAST
