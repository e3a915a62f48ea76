-- What does a unit of resources of each make cost on average in each region?
-- parameter month: month = newest
-- ratio average_rate = effective_cost / quantity
SELECT
    ProviderName,
    ServiceName,
    RegionName,
    SkuPriceDetails,
    PricingUnit,
    BillingCurrency,
    sum(PricingQuantity) AS quantity,
    sum(EffectiveCost) AS effective_cost
FROM charges
WHERE BillingPeriodStart >= :month.begin
    AND BillingPeriodStart < :month.end
    AND SkuPriceDetails IS NOT NULL
    AND ChargeCategory = 'Usage'
GROUP BY 1, 2, 3, 4, 5, 6
ORDER BY
    ProviderName ASC NULLS LAST,
    ServiceName ASC NULLS LAST,
    RegionName ASC NULLS LAST,
    SkuPriceDetails ASC NULLS LAST,
    PricingUnit ASC NULLS LAST,
    BillingCurrency ASC NULLS LAST
