-- What was a pricing currency, such as credits, spent on?
-- parameter currency: text = commonest PricingCurrency where PricingCurrency <> BillingCurrency
-- parameter month: month = newest
-- parameter most: number = 10
SELECT
    ProviderName,
    PublisherName,
    ServiceName,
    ChargeDescription,
    PricingCurrency,
    sum(PricingCurrencyEffectiveCost) AS priced_cost
FROM charges
WHERE BillingPeriodStart >= :month.begin
    AND BillingPeriodStart < :month.end
    AND PricingCurrency = :currency
GROUP BY 1, 2, 3, 4, 5
ORDER BY
    priced_cost DESC NULLS LAST,
    ProviderName ASC NULLS LAST,
    PublisherName ASC NULLS LAST,
    ServiceName ASC NULLS LAST,
    ChargeDescription ASC NULLS LAST,
    PricingCurrency ASC NULLS LAST
LIMIT :most
