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
    priced_cost
FROM (
    SELECT
        ProviderName,
        PublisherName,
        ServiceName,
        ChargeDescription,
        PricingCurrency,
        priced_cost,
        row_number() OVER (
            PARTITION BY PricingCurrency
            ORDER BY
                priced_cost DESC NULLS LAST,
                ProviderName ASC NULLS LAST,
                PublisherName ASC NULLS LAST,
                ServiceName ASC NULLS LAST,
                ChargeDescription ASC NULLS LAST
        ) AS place
    FROM (
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
    ) AS summed
) AS ranked
WHERE place <= :most
ORDER BY
    PricingCurrency ASC NULLS LAST,
    place ASC NULLS LAST
