-- What did each service cost in each billing period with fees spread over time, as a base for
-- forecasts?
-- parameter to: month = newest
-- parameter from: month = to-11
SELECT
    BillingPeriodStart,
    ProviderName,
    ServiceCategory,
    ServiceName,
    ChargeCategory,
    BillingCurrency,
    sum(EffectiveCost) AS effective_cost
FROM charges
WHERE BillingPeriodStart >= :from.begin
    AND BillingPeriodStart < :to.end
GROUP BY 1, 2, 3, 4, 5, 6
ORDER BY
    BillingPeriodStart ASC NULLS LAST,
    ProviderName ASC NULLS LAST,
    ServiceCategory ASC NULLS LAST,
    ServiceName ASC NULLS LAST,
    ChargeCategory ASC NULLS LAST,
    BillingCurrency ASC NULLS LAST
