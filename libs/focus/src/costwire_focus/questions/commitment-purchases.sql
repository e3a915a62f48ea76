-- Which commitment discounts were bought or paid for, when and at what price?
-- parameter to: month = newest
-- parameter from: month = to-11
SELECT
    ProviderName,
    BillingAccountId,
    CommitmentDiscountId,
    CommitmentDiscountType,
    CommitmentDiscountUnit,
    ChargeFrequency,
    BillingCurrency,
    min(ChargePeriodStart) AS first_charge,
    max(ChargePeriodEnd) AS last_charge,
    sum(CommitmentDiscountQuantity) AS commitment_quantity,
    sum(BilledCost) AS billed_cost
FROM charges
WHERE BillingPeriodStart >= :from.begin
    AND BillingPeriodStart < :to.end
    AND ChargeCategory = 'Purchase'
    AND CommitmentDiscountId IS NOT NULL
GROUP BY 1, 2, 3, 4, 5, 6, 7
ORDER BY
    ProviderName ASC NULLS LAST,
    BillingAccountId ASC NULLS LAST,
    CommitmentDiscountId ASC NULLS LAST,
    CommitmentDiscountType ASC NULLS LAST,
    CommitmentDiscountUnit ASC NULLS LAST,
    ChargeFrequency ASC NULLS LAST,
    BillingCurrency ASC NULLS LAST
