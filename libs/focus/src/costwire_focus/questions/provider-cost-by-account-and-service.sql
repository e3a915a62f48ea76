-- Which billing accounts and services drive the spending at one provider?
-- parameter provider: text = commonest ProviderName
-- parameter to: month = newest
-- parameter from: month = to-11
SELECT
    BillingPeriodStart,
    BillingAccountId,
    BillingAccountName,
    ServiceCategory,
    ServiceName,
    BillingCurrency,
    sum(BilledCost) AS billed_cost
FROM charges
WHERE BillingPeriodStart >= :from.begin
    AND BillingPeriodStart < :to.end
    AND ProviderName = :provider
GROUP BY 1, 2, 3, 4, 5, 6
ORDER BY
    BillingPeriodStart ASC NULLS LAST,
    BillingCurrency ASC NULLS LAST,
    billed_cost DESC NULLS LAST,
    BillingAccountId ASC NULLS LAST,
    BillingAccountName ASC NULLS LAST,
    ServiceCategory ASC NULLS LAST,
    ServiceName ASC NULLS LAST
