-- Which sub accounts do the corrections of earlier charges belong to?
-- parameter to: month = newest
-- parameter from: month = to-11
SELECT
    BillingPeriodStart,
    ProviderName,
    BillingAccountId,
    SubAccountId,
    SubAccountName,
    ServiceCategory,
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
    SubAccountId ASC NULLS LAST,
    SubAccountName ASC NULLS LAST,
    ServiceCategory ASC NULLS LAST,
    BillingCurrency ASC NULLS LAST
