-- What do products cost that come on the invoice of another company than their publisher?
-- parameter to: month = newest
-- parameter from: month = to-11
SELECT
    BillingPeriodStart,
    InvoiceIssuerName,
    PublisherName,
    ServiceName,
    BillingCurrency,
    sum(BilledCost) AS billed_cost,
    sum(EffectiveCost) AS effective_cost
FROM charges
WHERE BillingPeriodStart >= :from.begin
    AND BillingPeriodStart < :to.end
    AND PublisherName <> InvoiceIssuerName
GROUP BY 1, 2, 3, 4, 5
ORDER BY
    BillingPeriodStart ASC NULLS LAST,
    InvoiceIssuerName ASC NULLS LAST,
    PublisherName ASC NULLS LAST,
    ServiceName ASC NULLS LAST,
    BillingCurrency ASC NULLS LAST
