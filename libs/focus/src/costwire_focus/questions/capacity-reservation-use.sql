-- How much of the compute cost runs in reserved capacity, beside it, or is reserved for
-- nothing?
-- parameter month: month = newest
SELECT
    ProviderName,
    BillingAccountId,
    CapacityReservationStatus,
    BillingCurrency,
    count(*) AS charges_counted,
    sum(BilledCost) AS billed_cost,
    sum(EffectiveCost) AS effective_cost
FROM charges
WHERE BillingPeriodStart >= :month.begin
    AND BillingPeriodStart < :month.end
    AND ServiceCategory = 'Compute'
GROUP BY 1, 2, 3, 4
ORDER BY
    ProviderName ASC NULLS LAST,
    BillingAccountId ASC NULLS LAST,
    CapacityReservationStatus ASC NULLS LAST,
    BillingCurrency ASC NULLS LAST
