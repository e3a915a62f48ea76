-- Which SKUs cost most, at which list price and quantity?
-- parameter month: month = newest
-- parameter most: number = 100
SELECT
    ProviderName,
    SkuId,
    SkuPriceId,
    PricingUnit,
    ListUnitPrice,
    BillingCurrency,
    sum(PricingQuantity) AS quantity,
    sum(ListCost) AS list_cost,
    sum(EffectiveCost) AS effective_cost
FROM charges
WHERE BillingPeriodStart >= :month.begin
    AND BillingPeriodStart < :month.end
    AND SkuId IS NOT NULL
GROUP BY 1, 2, 3, 4, 5, 6
ORDER BY
    effective_cost DESC NULLS LAST,
    ProviderName ASC NULLS LAST,
    SkuId ASC NULLS LAST,
    SkuPriceId ASC NULLS LAST,
    PricingUnit ASC NULLS LAST,
    ListUnitPrice ASC NULLS LAST,
    BillingCurrency ASC NULLS LAST
LIMIT :most
