-- Which services cost more or less than in the month before?
-- parameter month: month = newest
-- percent change_percent = change / before
SELECT
    ProviderName,
    ServiceName,
    BillingCurrency,
    coalesce(sum(EffectiveCost) FILTER (WHERE BillingPeriodStart < :month.begin), 0) AS before,
    coalesce(sum(EffectiveCost) FILTER (WHERE BillingPeriodStart >= :month.begin), 0) AS after,
    coalesce(sum(EffectiveCost) FILTER (WHERE BillingPeriodStart >= :month.begin), 0)
        - coalesce(sum(EffectiveCost) FILTER (WHERE BillingPeriodStart < :month.begin), 0) AS change
FROM charges
WHERE BillingPeriodStart >= :month.before
    AND BillingPeriodStart < :month.end
GROUP BY 1, 2, 3
ORDER BY
    BillingCurrency ASC NULLS LAST,
    change DESC NULLS LAST,
    ProviderName ASC NULLS LAST,
    ServiceName ASC NULLS LAST
