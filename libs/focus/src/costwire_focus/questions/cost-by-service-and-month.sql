-- What did each service cost in each billing period?
-- parameter to: month = newest
-- parameter from: month = to-11
SELECT
    BillingPeriodStart,
    ProviderName,
    ServiceName,
    BillingCurrency,
    sum(EffectiveCost) AS effective_cost
FROM charges
WHERE BillingPeriodStart >= :from.begin
    AND BillingPeriodStart < :to.end
GROUP BY 1, 2, 3, 4
ORDER BY
    BillingPeriodStart ASC NULLS LAST,
    BillingCurrency ASC NULLS LAST,
    effective_cost DESC NULLS LAST,
    ProviderName ASC NULLS LAST,
    ServiceName ASC NULLS LAST
