-- Were the discounts of each billing account applied, service by service? Corrections are left
-- out.
-- parameter month: month = newest
-- percent effective_of_list_percent = effective_cost / list_cost
SELECT
    ProviderName,
    BillingAccountId,
    BillingAccountName,
    ServiceName,
    BillingCurrency,
    sum(ListCost) AS list_cost,
    sum(ContractedCost) AS contracted_cost,
    sum(EffectiveCost) AS effective_cost,
    sum(BilledCost) AS billed_cost
FROM charges
WHERE BillingPeriodStart >= :month.begin
    AND BillingPeriodStart < :month.end
    AND ChargeClass IS DISTINCT FROM 'Correction'
GROUP BY 1, 2, 3, 4, 5
ORDER BY
    ProviderName ASC NULLS LAST,
    BillingAccountId ASC NULLS LAST,
    BillingAccountName ASC NULLS LAST,
    ServiceName ASC NULLS LAST,
    BillingCurrency ASC NULLS LAST
