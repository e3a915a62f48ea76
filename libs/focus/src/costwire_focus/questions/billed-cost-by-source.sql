-- Who made, sold and invoiced what was billed in a month?
-- parameter month: month = newest
SELECT
    ProviderName,
    PublisherName,
    InvoiceIssuerName,
    BillingCurrency,
    count(*) AS charges_counted,
    sum(BilledCost) AS billed_cost
FROM charges
WHERE BillingPeriodStart >= :month.begin
    AND BillingPeriodStart < :month.end
GROUP BY 1, 2, 3, 4
ORDER BY
    BillingCurrency ASC NULLS LAST,
    billed_cost DESC NULLS LAST,
    ProviderName ASC NULLS LAST,
    PublisherName ASC NULLS LAST,
    InvoiceIssuerName ASC NULLS LAST
