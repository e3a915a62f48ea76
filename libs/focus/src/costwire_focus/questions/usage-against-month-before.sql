-- Which resources were used more than in the month before? The greatest changes in each unit.
-- parameter month: month = newest
-- parameter most: number = 10
-- percent change_percent = change / before
SELECT
    ProviderName,
    ServiceName,
    ResourceId,
    SkuId,
    ConsumedUnit,
    before,
    after,
    change
FROM (
    SELECT
        ProviderName,
        ServiceName,
        ResourceId,
        SkuId,
        ConsumedUnit,
        before,
        after,
        change,
        row_number() OVER (
            PARTITION BY ConsumedUnit
            ORDER BY
                change DESC NULLS LAST,
                ProviderName ASC NULLS LAST,
                ServiceName ASC NULLS LAST,
                ResourceId ASC NULLS LAST,
                SkuId ASC NULLS LAST
        ) AS place
    FROM (
        SELECT
            ProviderName,
            ServiceName,
            ResourceId,
            SkuId,
            ConsumedUnit,
            coalesce(sum(ConsumedQuantity) FILTER (WHERE BillingPeriodStart < :month.begin), 0) AS before,
            coalesce(sum(ConsumedQuantity) FILTER (WHERE BillingPeriodStart >= :month.begin), 0) AS after,
            coalesce(sum(ConsumedQuantity) FILTER (WHERE BillingPeriodStart >= :month.begin), 0)
                - coalesce(sum(ConsumedQuantity) FILTER (WHERE BillingPeriodStart < :month.begin), 0) AS change
        FROM charges
        WHERE BillingPeriodStart >= :month.before
            AND BillingPeriodStart < :month.end
            AND ChargeCategory = 'Usage'
            AND ConsumedQuantity IS NOT NULL
        GROUP BY 1, 2, 3, 4, 5
    ) AS summed
) AS ranked
WHERE place <= :most
ORDER BY
    ConsumedUnit ASC NULLS LAST,
    place ASC NULLS LAST
