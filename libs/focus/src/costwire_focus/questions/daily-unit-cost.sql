-- What did one unit of a service cost on each day (UTC) of a month? Corrections of earlier
-- months are left out.
-- parameter service: text = commonest ServiceName where ConsumedUnit IS NOT NULL
-- parameter month: month = newest
-- ratio unit_cost = effective_cost / consumed_quantity
SELECT
    date_trunc('day', ChargePeriodStart) AS charge_day,
    ConsumedUnit,
    BillingCurrency,
    sum(ConsumedQuantity) AS consumed_quantity,
    sum(EffectiveCost) AS effective_cost
FROM charges
WHERE BillingPeriodStart >= :month.begin
    AND BillingPeriodStart < :month.end
    AND ChargePeriodStart >= BillingPeriodStart
    AND ChargeCategory = 'Usage'
    AND ConsumedUnit IS NOT NULL
    AND ServiceName = :service
GROUP BY 1, 2, 3
ORDER BY
    charge_day ASC NULLS LAST,
    ConsumedUnit ASC NULLS LAST,
    BillingCurrency ASC NULLS LAST
