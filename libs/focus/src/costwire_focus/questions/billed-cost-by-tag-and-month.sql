-- What was billed for each value of a tag, such as an application, to hold against its budget?
-- parameter tag: tag = team
-- parameter to: month = newest
-- parameter from: month = to-11
SELECT
    BillingPeriodStart,
    BillingPeriodEnd,
    ProviderName,
    CAST(Tags[:tag] AS TEXT) AS tag_value,
    BillingCurrency,
    sum(BilledCost) AS billed_cost
FROM charges
WHERE BillingPeriodStart >= :from.begin
    AND BillingPeriodStart < :to.end
GROUP BY 1, 2, 3, 4, 5
ORDER BY
    BillingPeriodStart ASC NULLS LAST,
    BillingPeriodEnd ASC NULLS LAST,
    ProviderName ASC NULLS LAST,
    tag_value ASC NULLS LAST,
    BillingCurrency ASC NULLS LAST
