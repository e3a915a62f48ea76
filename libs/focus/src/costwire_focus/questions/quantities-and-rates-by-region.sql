-- How much of each service was used in each region, at which effective rate, as a base for
-- forecasts?
-- parameter to: month = newest
-- parameter from: month = to-11
-- ratio effective_rate = effective_cost / quantity
SELECT
    BillingPeriodStart,
    ProviderName,
    ServiceCategory,
    ServiceName,
    RegionId,
    RegionName,
    PricingUnit,
    BillingCurrency,
    sum(PricingQuantity) AS quantity,
    sum(EffectiveCost) AS effective_cost
FROM charges
WHERE BillingPeriodStart >= :from.begin
    AND BillingPeriodStart < :to.end
    AND ChargeCategory = 'Usage'
GROUP BY 1, 2, 3, 4, 5, 6, 7, 8
ORDER BY
    BillingPeriodStart ASC NULLS LAST,
    ProviderName ASC NULLS LAST,
    ServiceCategory ASC NULLS LAST,
    ServiceName ASC NULLS LAST,
    RegionId ASC NULLS LAST,
    RegionName ASC NULLS LAST,
    PricingUnit ASC NULLS LAST,
    BillingCurrency ASC NULLS LAST
