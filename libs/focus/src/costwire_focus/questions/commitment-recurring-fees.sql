-- Which fees for commitment discounts come back, period by period?
-- parameter to: month = newest
-- parameter from: month = to-11
SELECT
    BillingPeriodStart,
    ProviderName,
    CommitmentDiscountId,
    CommitmentDiscountName,
    CommitmentDiscountType,
    BillingCurrency,
    sum(BilledCost) AS billed_cost
FROM charges
WHERE BillingPeriodStart >= :from.begin
    AND BillingPeriodStart < :to.end
    AND ChargeFrequency = 'Recurring'
    AND CommitmentDiscountId IS NOT NULL
GROUP BY 1, 2, 3, 4, 5, 6
ORDER BY
    BillingPeriodStart ASC NULLS LAST,
    ProviderName ASC NULLS LAST,
    CommitmentDiscountId ASC NULLS LAST,
    CommitmentDiscountName ASC NULLS LAST,
    CommitmentDiscountType ASC NULLS LAST,
    BillingCurrency ASC NULLS LAST
