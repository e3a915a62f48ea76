-- What part of each commitment discount was used?
-- parameter to: month = newest
-- parameter from: month = to-11
-- percent used_percent = used_cost / effective_cost
SELECT
    BillingPeriodStart,
    ProviderName,
    CommitmentDiscountId,
    CommitmentDiscountName,
    CommitmentDiscountType,
    BillingCurrency,
    coalesce(sum(EffectiveCost) FILTER (WHERE CommitmentDiscountStatus = 'Used'), 0) AS used_cost,
    coalesce(sum(EffectiveCost) FILTER (WHERE CommitmentDiscountStatus = 'Unused'), 0) AS unused_cost,
    sum(EffectiveCost) AS effective_cost
FROM charges
WHERE BillingPeriodStart >= :from.begin
    AND BillingPeriodStart < :to.end
    AND CommitmentDiscountStatus IS NOT NULL
GROUP BY 1, 2, 3, 4, 5, 6
ORDER BY
    BillingPeriodStart ASC NULLS LAST,
    ProviderName ASC NULLS LAST,
    CommitmentDiscountId ASC NULLS LAST,
    CommitmentDiscountName ASC NULLS LAST,
    CommitmentDiscountType ASC NULLS LAST,
    BillingCurrency ASC NULLS LAST
