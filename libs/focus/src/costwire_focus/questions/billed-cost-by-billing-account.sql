-- What was billed to each billing account in each billing period, to compare with its
-- invoices?
-- parameter to: month = newest
-- parameter from: month = to-11
SELECT
    BillingPeriodStart,
    ProviderName,
    BillingAccountId,
    BillingAccountName,
    BillingCurrency,
    sum(BilledCost) AS billed_cost
FROM charges
WHERE BillingPeriodStart >= :from.begin
    AND BillingPeriodStart < :to.end
GROUP BY 1, 2, 3, 4, 5
ORDER BY
    BillingPeriodStart ASC NULLS LAST,
    ProviderName ASC NULLS LAST,
    BillingAccountId ASC NULLS LAST,
    BillingAccountName ASC NULLS LAST,
    BillingCurrency ASC NULLS LAST
