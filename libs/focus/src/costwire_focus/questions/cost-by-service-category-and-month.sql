-- What did each category of services cost at each provider, billing period by billing period?
-- parameter to: month = newest
-- parameter from: month = to-11
SELECT
    BillingPeriodStart,
    ProviderName,
    ServiceCategory,
    BillingCurrency,
    sum(BilledCost) AS billed_cost
FROM charges
WHERE BillingPeriodStart >= :from.begin
    AND BillingPeriodStart < :to.end
GROUP BY 1, 2, 3, 4
ORDER BY
    BillingPeriodStart ASC NULLS LAST,
    BillingCurrency ASC NULLS LAST,
    billed_cost DESC NULLS LAST,
    ProviderName ASC NULLS LAST,
    ServiceCategory ASC NULLS LAST
