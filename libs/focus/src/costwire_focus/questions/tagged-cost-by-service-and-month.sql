-- What does one application, found by a tag and its value, cost from month to month?
-- parameter tag: tag = team
-- parameter value: text = commonest CAST(Tags[:tag] AS TEXT)
-- parameter to: month = newest
-- parameter from: month = to-11
SELECT
    BillingPeriodStart,
    ServiceName,
    BillingCurrency,
    sum(EffectiveCost) AS effective_cost
FROM charges
WHERE BillingPeriodStart >= :from.begin
    AND BillingPeriodStart < :to.end
    AND CAST(Tags[:tag] AS TEXT) = :value
GROUP BY 1, 2, 3
ORDER BY
    BillingPeriodStart ASC NULLS LAST,
    BillingCurrency ASC NULLS LAST,
    effective_cost DESC NULLS LAST,
    ServiceName ASC NULLS LAST
