-- In which currencies is the cost priced, and what is it in them?
-- parameter month: month = newest
SELECT
    ProviderName,
    PublisherName,
    ServiceName,
    PricingCurrency,
    BillingCurrency,
    sum(PricingCurrencyEffectiveCost) AS priced_cost,
    sum(EffectiveCost) AS effective_cost
FROM charges
WHERE BillingPeriodStart >= :month.begin
    AND BillingPeriodStart < :month.end
GROUP BY 1, 2, 3, 4, 5
ORDER BY
    ProviderName ASC NULLS LAST,
    PublisherName ASC NULLS LAST,
    ServiceName ASC NULLS LAST,
    PricingCurrency ASC NULLS LAST,
    BillingCurrency ASC NULLS LAST
