-- What part of the cost has a tag?
-- parameter tag: tag = team
-- parameter month: month = newest
-- percent tagged_percent = tagged_cost / effective_cost
SELECT
    ProviderName,
    BillingCurrency,
    coalesce(sum(EffectiveCost) FILTER (WHERE CAST(Tags[:tag] AS TEXT) IS NOT NULL), 0) AS tagged_cost,
    sum(EffectiveCost) AS effective_cost
FROM charges
WHERE BillingPeriodStart >= :month.begin
    AND BillingPeriodStart < :month.end
    AND EffectiveCost > 0
GROUP BY 1, 2
ORDER BY
    ProviderName ASC NULLS LAST,
    BillingCurrency ASC NULLS LAST
