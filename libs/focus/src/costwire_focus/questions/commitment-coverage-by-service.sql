-- What part of each service's usage, at contracted prices, is covered by commitment discounts?
-- parameter month: month = newest
-- percent covered_percent = covered_cost / contracted_cost
SELECT
    ProviderName,
    ServiceName,
    BillingCurrency,
    coalesce(sum(ContractedCost) FILTER (WHERE CommitmentDiscountStatus = 'Used'), 0) AS covered_cost,
    sum(ContractedCost) AS contracted_cost
FROM charges
WHERE BillingPeriodStart >= :month.begin
    AND BillingPeriodStart < :month.end
    AND ChargeCategory = 'Usage'
    AND CommitmentDiscountStatus IS DISTINCT FROM 'Unused'
GROUP BY 1, 2, 3
ORDER BY
    BillingCurrency ASC NULLS LAST,
    covered_cost DESC NULLS LAST,
    ProviderName ASC NULLS LAST,
    ServiceName ASC NULLS LAST
