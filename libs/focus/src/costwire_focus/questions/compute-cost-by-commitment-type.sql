-- What does compute cost under each type of commitment discount, and without one?
-- parameter to: month = newest
-- parameter from: month = to-11
SELECT
    BillingPeriodStart,
    ProviderName,
    CommitmentDiscountType,
    ServiceName,
    SubAccountId,
    SubAccountName,
    BillingCurrency,
    sum(EffectiveCost) AS effective_cost
FROM charges
WHERE BillingPeriodStart >= :from.begin
    AND BillingPeriodStart < :to.end
    AND ServiceCategory = 'Compute'
GROUP BY 1, 2, 3, 4, 5, 6, 7
ORDER BY
    BillingPeriodStart ASC NULLS LAST,
    ProviderName ASC NULLS LAST,
    CommitmentDiscountType ASC NULLS LAST,
    ServiceName ASC NULLS LAST,
    SubAccountId ASC NULLS LAST,
    SubAccountName ASC NULLS LAST,
    BillingCurrency ASC NULLS LAST
