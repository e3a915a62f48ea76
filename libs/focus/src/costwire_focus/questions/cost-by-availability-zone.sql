-- How is the cost of one sub account spread over regions and zones?
-- parameter sub_account: text = commonest SubAccountId where AvailabilityZone IS NOT NULL
-- parameter to: month = newest
-- parameter from: month = to-11
SELECT
    BillingPeriodStart,
    ProviderName,
    RegionName,
    AvailabilityZone,
    BillingCurrency,
    sum(EffectiveCost) AS effective_cost
FROM charges
WHERE BillingPeriodStart >= :from.begin
    AND BillingPeriodStart < :to.end
    AND SubAccountId = :sub_account
GROUP BY 1, 2, 3, 4, 5
ORDER BY
    BillingPeriodStart ASC NULLS LAST,
    ProviderName ASC NULLS LAST,
    RegionName ASC NULLS LAST,
    AvailabilityZone ASC NULLS LAST,
    BillingCurrency ASC NULLS LAST
