-- Which SKUs cost most in each currency, at which list price and quantity?
-- parameter month: month = newest
-- parameter most: number = 100
SELECT
    ProviderName,
    SkuId,
    SkuPriceId,
    PricingUnit,
    ListUnitPrice,
    BillingCurrency,
    quantity,
    list_cost,
    effective_cost
FROM (
    SELECT
        ProviderName,
        SkuId,
        SkuPriceId,
        PricingUnit,
        ListUnitPrice,
        BillingCurrency,
        quantity,
        list_cost,
        effective_cost,
        row_number() OVER (
            PARTITION BY BillingCurrency
            ORDER BY
                effective_cost DESC NULLS LAST,
                ProviderName ASC NULLS LAST,
                SkuId ASC NULLS LAST,
                SkuPriceId ASC NULLS LAST,
                PricingUnit ASC NULLS LAST,
                ListUnitPrice ASC NULLS LAST
        ) AS place
    FROM (
        SELECT
            ProviderName,
            SkuId,
            SkuPriceId,
            PricingUnit,
            ListUnitPrice,
            BillingCurrency,
            sum(PricingQuantity) AS quantity,
            sum(ListCost) AS list_cost,
            sum(EffectiveCost) AS effective_cost
        FROM charges
        WHERE BillingPeriodStart >= :month.begin
            AND BillingPeriodStart < :month.end
            AND SkuId IS NOT NULL
        GROUP BY 1, 2, 3, 4, 5, 6
    ) AS summed
) AS ranked
WHERE place <= :most
ORDER BY
    BillingCurrency ASC NULLS LAST,
    place ASC NULLS LAST
