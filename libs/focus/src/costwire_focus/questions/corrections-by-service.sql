-- Which earlier charges were corrected on the bills, and by how much, service by service?
-- parameter to: month = newest
-- parameter from: month = to-11
SELECT
    BillingPeriodStart,
    ProviderName,
    BillingAccountId,
    ChargeCategory,
    ServiceCategory,
    ServiceName,
    BillingCurrency,
    count(*) AS charges_counted,
    sum(BilledCost) AS billed_cost
FROM charges
WHERE BillingPeriodStart >= :from.begin
    AND BillingPeriodStart < :to.end
    AND ChargeClass = 'Correction'
GROUP BY 1, 2, 3, 4, 5, 6, 7
ORDER BY
    BillingPeriodStart ASC NULLS LAST,
    ProviderName ASC NULLS LAST,
    BillingAccountId ASC NULLS LAST,
    ChargeCategory ASC NULLS LAST,
    ServiceCategory ASC NULLS LAST,
    ServiceName ASC NULLS LAST,
    BillingCurrency ASC NULLS LAST
