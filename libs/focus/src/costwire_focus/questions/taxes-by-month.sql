-- How much tax did each issuer bill in each billing period?
-- parameter to: month = newest
-- parameter from: month = to-11
SELECT
    BillingPeriodStart,
    InvoiceIssuerName,
    BillingAccountId,
    BillingCurrency,
    sum(BilledCost) AS billed_cost
FROM charges
WHERE BillingPeriodStart >= :from.begin
    AND BillingPeriodStart < :to.end
    AND ChargeCategory = 'Tax'
GROUP BY 1, 2, 3, 4
ORDER BY
    BillingPeriodStart ASC NULLS LAST,
    InvoiceIssuerName ASC NULLS LAST,
    BillingAccountId ASC NULLS LAST,
    BillingCurrency ASC NULLS LAST
