-- What was billed to each billing account for each service in a month, to compare with the
-- lines of its invoice?
-- parameter month: month = newest
SELECT
    ProviderName,
    BillingAccountId,
    BillingAccountName,
    ServiceName,
    BillingCurrency,
    sum(BilledCost) AS billed_cost
FROM charges
WHERE BillingPeriodStart >= :month.begin
    AND BillingPeriodStart < :month.end
GROUP BY 1, 2, 3, 4, 5
ORDER BY
    ProviderName ASC NULLS LAST,
    BillingAccountId ASC NULLS LAST,
    BillingAccountName ASC NULLS LAST,
    ServiceName ASC NULLS LAST,
    BillingCurrency ASC NULLS LAST
