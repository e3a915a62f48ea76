-- What did each sub account cost in each region on each day (UTC) of a month? Corrections of
-- earlier months are left out.
-- parameter month: month = newest
SELECT
    date_trunc('day', ChargePeriodStart) AS charge_day,
    ProviderName,
    SubAccountId,
    RegionId,
    RegionName,
    BillingCurrency,
    sum(EffectiveCost) AS effective_cost
FROM charges
WHERE BillingPeriodStart >= :month.begin
    AND BillingPeriodStart < :month.end
    AND ChargePeriodStart >= BillingPeriodStart
GROUP BY 1, 2, 3, 4, 5, 6
ORDER BY
    charge_day ASC NULLS LAST,
    ProviderName ASC NULLS LAST,
    SubAccountId ASC NULLS LAST,
    RegionId ASC NULLS LAST,
    RegionName ASC NULLS LAST,
    BillingCurrency ASC NULLS LAST
