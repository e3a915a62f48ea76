-- What did commitment discounts save on each service, compared with contracted prices?
-- parameter month: month = newest
-- percent saved_percent = saved / contracted_cost
SELECT
    ProviderName,
    ServiceName,
    BillingCurrency,
    sum(ContractedCost) AS contracted_cost,
    sum(EffectiveCost) AS effective_cost,
    sum(ContractedCost) - sum(EffectiveCost) AS saved
FROM charges
WHERE BillingPeriodStart >= :month.begin
    AND BillingPeriodStart < :month.end
    AND ChargeCategory = 'Usage'
GROUP BY 1, 2, 3
ORDER BY
    BillingCurrency ASC NULLS LAST,
    saved DESC NULLS LAST,
    ProviderName ASC NULLS LAST,
    ServiceName ASC NULLS LAST
