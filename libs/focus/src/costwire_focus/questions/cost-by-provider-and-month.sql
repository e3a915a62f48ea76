-- What did each provider cost in each billing period, as billed and as spread over time?
-- parameter to: month = newest
-- parameter from: month = to-11
SELECT
    BillingPeriodStart,
    BillingPeriodEnd,
    ProviderName,
    BillingCurrency,
    sum(BilledCost) AS billed_cost,
    sum(EffectiveCost) AS effective_cost
FROM charges
WHERE BillingPeriodStart >= :from.begin
    AND BillingPeriodStart < :to.end
GROUP BY 1, 2, 3, 4
ORDER BY
    BillingPeriodStart ASC NULLS LAST,
    BillingPeriodEnd ASC NULLS LAST,
    ProviderName ASC NULLS LAST,
    BillingCurrency ASC NULLS LAST
