-- Which commitment discounts were not used up, and what was lost?
-- parameter to: month = newest
-- parameter from: month = to-11
SELECT
    BillingPeriodStart,
    ProviderName,
    BillingAccountId,
    CommitmentDiscountId,
    CommitmentDiscountType,
    BillingCurrency,
    count(*) AS charges_counted,
    sum(EffectiveCost) AS effective_cost
FROM charges
WHERE BillingPeriodStart >= :from.begin
    AND BillingPeriodStart < :to.end
    AND CommitmentDiscountStatus = 'Unused'
GROUP BY 1, 2, 3, 4, 5, 6
ORDER BY
    BillingCurrency ASC NULLS LAST,
    effective_cost DESC NULLS LAST,
    BillingPeriodStart ASC NULLS LAST,
    ProviderName ASC NULLS LAST,
    BillingAccountId ASC NULLS LAST,
    CommitmentDiscountId ASC NULLS LAST,
    CommitmentDiscountType ASC NULLS LAST
