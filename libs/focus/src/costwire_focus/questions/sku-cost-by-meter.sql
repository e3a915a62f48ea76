-- What is metered under one SKU, and what does each meter cost?
-- parameter sku: text = commonest SkuId
-- parameter to: month = newest
-- parameter from: month = to-11
SELECT
    BillingPeriodStart,
    ProviderName,
    SkuMeter,
    SkuPriceId,
    PricingUnit,
    ListUnitPrice,
    BillingCurrency,
    sum(PricingQuantity) AS quantity,
    sum(ListCost) AS list_cost,
    sum(EffectiveCost) AS effective_cost
FROM charges
WHERE BillingPeriodStart >= :from.begin
    AND BillingPeriodStart < :to.end
    AND SkuId = :sku
GROUP BY 1, 2, 3, 4, 5, 6, 7
ORDER BY
    BillingPeriodStart ASC NULLS LAST,
    ProviderName ASC NULLS LAST,
    SkuMeter ASC NULLS LAST,
    SkuPriceId ASC NULLS LAST,
    PricingUnit ASC NULLS LAST,
    ListUnitPrice ASC NULLS LAST,
    BillingCurrency ASC NULLS LAST
