-- Which reserved capacity was paid for and not used?
-- parameter to: month = newest
-- parameter from: month = to-11
SELECT
    BillingPeriodStart,
    ProviderName,
    BillingAccountId,
    CapacityReservationId,
    BillingCurrency,
    count(*) AS charges_counted,
    sum(BilledCost) AS billed_cost,
    sum(EffectiveCost) AS effective_cost
FROM charges
WHERE BillingPeriodStart >= :from.begin
    AND BillingPeriodStart < :to.end
    AND CapacityReservationStatus = 'Unused'
GROUP BY 1, 2, 3, 4, 5
ORDER BY
    BillingCurrency ASC NULLS LAST,
    effective_cost DESC NULLS LAST,
    BillingPeriodStart ASC NULLS LAST,
    ProviderName ASC NULLS LAST,
    BillingAccountId ASC NULLS LAST,
    CapacityReservationId ASC NULLS LAST
