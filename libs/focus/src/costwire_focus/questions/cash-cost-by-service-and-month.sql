-- What was to be paid for each service in each billing period, as a base for forecasts of
-- cash?
-- parameter to: month = newest
-- parameter from: month = to-11
SELECT
    BillingPeriodStart,
    ProviderName,
    ServiceCategory,
    ServiceName,
    BillingCurrency,
    sum(BilledCost) AS billed_cost
FROM charges
WHERE BillingPeriodStart >= :from.begin
    AND BillingPeriodStart < :to.end
GROUP BY 1, 2, 3, 4, 5
ORDER BY
    BillingPeriodStart ASC NULLS LAST,
    ProviderName ASC NULLS LAST,
    ServiceCategory ASC NULLS LAST,
    ServiceName ASC NULLS LAST,
    BillingCurrency ASC NULLS LAST
