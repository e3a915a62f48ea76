-- What is to be charged back for each value of a tag, in each currency that was billed?
-- parameter tag: tag = team
-- parameter month: month = newest
SELECT
    CAST(Tags[:tag] AS TEXT) AS tag_value,
    BillingCurrency,
    ProviderName,
    BillingAccountId,
    BillingAccountName,
    sum(BilledCost) AS billed_cost
FROM charges
WHERE BillingPeriodStart >= :month.begin
    AND BillingPeriodStart < :month.end
GROUP BY 1, 2, 3, 4, 5
ORDER BY
    tag_value ASC NULLS LAST,
    BillingCurrency ASC NULLS LAST,
    ProviderName ASC NULLS LAST,
    BillingAccountId ASC NULLS LAST,
    BillingAccountName ASC NULLS LAST
