-- What does one consumed unit of each service cost?
-- parameter month: month = newest
-- ratio unit_cost = effective_cost / consumed_quantity
SELECT
    ProviderName,
    ServiceName,
    ConsumedUnit,
    BillingCurrency,
    sum(ConsumedQuantity) AS consumed_quantity,
    sum(EffectiveCost) AS effective_cost
FROM charges
WHERE BillingPeriodStart >= :month.begin
    AND BillingPeriodStart < :month.end
    AND ChargeCategory = 'Usage'
    AND ConsumedUnit IS NOT NULL
GROUP BY 1, 2, 3, 4
ORDER BY
    ProviderName ASC NULLS LAST,
    ServiceName ASC NULLS LAST,
    ConsumedUnit ASC NULLS LAST,
    BillingCurrency ASC NULLS LAST
