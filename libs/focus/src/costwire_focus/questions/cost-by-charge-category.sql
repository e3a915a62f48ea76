-- What are the costs of a month made of: usage, purchases, tax, credits, adjustments,
-- corrections?
-- parameter month: month = newest
SELECT
    ProviderName,
    ChargeCategory,
    ChargeClass,
    ChargeFrequency,
    BillingCurrency,
    count(*) AS charges_counted,
    sum(BilledCost) AS billed_cost,
    sum(EffectiveCost) AS effective_cost
FROM charges
WHERE BillingPeriodStart >= :month.begin
    AND BillingPeriodStart < :month.end
GROUP BY 1, 2, 3, 4, 5
ORDER BY
    ProviderName ASC NULLS LAST,
    ChargeCategory ASC NULLS LAST,
    ChargeClass ASC NULLS LAST,
    ChargeFrequency ASC NULLS LAST,
    BillingCurrency ASC NULLS LAST
