-- Does each invoice match the charges that name it? The billed sum of each, to compare.
-- parameter to: month = newest
-- parameter from: month = to-11
SELECT
    InvoiceIssuerName,
    InvoiceId,
    BillingPeriodStart,
    BillingCurrency,
    count(*) AS charges_counted,
    sum(BilledCost) AS billed_cost
FROM charges
WHERE BillingPeriodStart >= :from.begin
    AND BillingPeriodStart < :to.end
GROUP BY 1, 2, 3, 4
ORDER BY
    InvoiceIssuerName ASC NULLS LAST,
    InvoiceId ASC NULLS LAST,
    BillingPeriodStart ASC NULLS LAST,
    BillingCurrency ASC NULLS LAST
