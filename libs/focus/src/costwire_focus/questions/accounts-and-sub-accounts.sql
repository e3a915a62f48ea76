-- Which billing accounts and sub accounts were charged in a month?
-- parameter month: month = newest
SELECT
    ProviderName,
    BillingAccountId,
    BillingAccountName,
    SubAccountId,
    SubAccountName,
    BillingCurrency,
    count(*) AS charges_counted,
    sum(BilledCost) AS billed_cost
FROM charges
WHERE BillingPeriodStart >= :month.begin
    AND BillingPeriodStart < :month.end
GROUP BY 1, 2, 3, 4, 5, 6
ORDER BY
    ProviderName ASC NULLS LAST,
    BillingAccountId ASC NULLS LAST,
    BillingAccountName ASC NULLS LAST,
    SubAccountId ASC NULLS LAST,
    SubAccountName ASC NULLS LAST,
    BillingCurrency ASC NULLS LAST
