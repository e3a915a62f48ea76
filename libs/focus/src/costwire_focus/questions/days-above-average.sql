-- On which days (UTC) did a service in a region cost a multiple of its daily average of the month? Days
-- without a charge do not count.
-- parameter month: month = newest
-- parameter times: number = 4
-- ratio times_the_average = cost_times_days / month_cost
SELECT
    charge_day,
    ProviderName,
    RegionId,
    ServiceName,
    BillingCurrency,
    effective_cost,
    month_cost,
    days,
    effective_cost * days AS cost_times_days
FROM (
    SELECT
        charge_day,
        ProviderName,
        RegionId,
        ServiceName,
        BillingCurrency,
        effective_cost,
        sum(effective_cost)
            OVER (PARTITION BY ProviderName, RegionId, ServiceName, BillingCurrency) AS month_cost,
        count(*)
            OVER (PARTITION BY ProviderName, RegionId, ServiceName, BillingCurrency) AS days
    FROM (
        SELECT
            date_trunc('day', ChargePeriodStart) AS charge_day,
            ProviderName,
            RegionId,
            ServiceName,
            BillingCurrency,
            sum(EffectiveCost) AS effective_cost
        FROM charges
        WHERE BillingPeriodStart >= :month.begin
            AND BillingPeriodStart < :month.end
            AND ChargePeriodStart >= BillingPeriodStart
            AND ChargeCategory = 'Usage'
        GROUP BY 1, 2, 3, 4, 5
    ) AS daily
) AS compared
WHERE effective_cost * days >= month_cost * :times
    AND effective_cost > 0
ORDER BY
    charge_day ASC NULLS LAST,
    ProviderName ASC NULLS LAST,
    RegionId ASC NULLS LAST,
    ServiceName ASC NULLS LAST,
    BillingCurrency ASC NULLS LAST
