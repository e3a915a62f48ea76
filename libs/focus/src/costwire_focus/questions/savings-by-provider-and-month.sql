-- What did all discounts together save at each provider, compared with list prices?
-- parameter to: month = newest
-- parameter from: month = to-11
-- percent saved_percent = saved / list_cost
SELECT
    BillingPeriodStart,
    ProviderName,
    BillingCurrency,
    sum(ListCost) AS list_cost,
    sum(ContractedCost) AS contracted_cost,
    sum(EffectiveCost) AS effective_cost,
    sum(ListCost) - sum(EffectiveCost) AS saved
FROM charges
WHERE BillingPeriodStart >= :from.begin
    AND BillingPeriodStart < :to.end
    AND ChargeCategory = 'Usage'
GROUP BY 1, 2, 3
ORDER BY
    BillingPeriodStart ASC NULLS LAST,
    ProviderName ASC NULLS LAST,
    BillingCurrency ASC NULLS LAST
