-- How many units of a virtual currency were bought, and what was billed for them?
-- parameter unit: text = commonest PricingUnit where ChargeCategory = 'Purchase' AND CommitmentDiscountId IS NULL
-- parameter to: month = newest
-- parameter from: month = to-11
-- ratio price = billed_cost / quantity
SELECT
    BillingPeriodStart,
    ProviderName,
    PublisherName,
    ChargeDescription,
    PricingUnit,
    BillingCurrency,
    sum(PricingQuantity) AS quantity,
    sum(BilledCost) AS billed_cost
FROM charges
WHERE BillingPeriodStart >= :from.begin
    AND BillingPeriodStart < :to.end
    AND ChargeCategory = 'Purchase'
    AND PricingUnit = :unit
GROUP BY 1, 2, 3, 4, 5, 6
ORDER BY
    BillingPeriodStart ASC NULLS LAST,
    ProviderName ASC NULLS LAST,
    PublisherName ASC NULLS LAST,
    ChargeDescription ASC NULLS LAST,
    PricingUnit ASC NULLS LAST,
    BillingCurrency ASC NULLS LAST
