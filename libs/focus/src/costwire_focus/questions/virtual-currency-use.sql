-- How much of a pricing currency, such as credits, did each provider take for usage?
-- parameter currency: text = commonest PricingCurrency where PricingCurrency <> BillingCurrency
-- parameter to: month = newest
-- parameter from: month = to-11
SELECT
    BillingPeriodStart,
    ProviderName,
    PricingCurrency,
    sum(PricingCurrencyEffectiveCost) AS priced_cost
FROM charges
WHERE BillingPeriodStart >= :from.begin
    AND BillingPeriodStart < :to.end
    AND PricingCurrency = :currency
    AND ChargeCategory = 'Usage'
GROUP BY 1, 2, 3
ORDER BY
    BillingPeriodStart ASC NULLS LAST,
    ProviderName ASC NULLS LAST,
    PricingCurrency ASC NULLS LAST
