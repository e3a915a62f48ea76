-- Which credits and refunds did the invoices hold, and what did they take off?
-- parameter to: month = newest
-- parameter from: month = to-11
SELECT
    BillingPeriodStart,
    ProviderName,
    InvoiceId,
    ChargeDescription,
    BillingCurrency,
    count(*) AS charges_counted,
    sum(BilledCost) AS billed_cost
FROM charges
WHERE BillingPeriodStart >= :from.begin
    AND BillingPeriodStart < :to.end
    AND ChargeCategory = 'Credit'
GROUP BY 1, 2, 3, 4, 5
ORDER BY
    BillingPeriodStart ASC NULLS LAST,
    ProviderName ASC NULLS LAST,
    InvoiceId ASC NULLS LAST,
    ChargeDescription ASC NULLS LAST,
    BillingCurrency ASC NULLS LAST
