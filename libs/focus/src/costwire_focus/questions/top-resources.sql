-- Which resources cost most in a month, in each currency?
-- parameter month: month = newest
-- parameter most: number = 25
SELECT
    ProviderName,
    ServiceName,
    ResourceId,
    ResourceName,
    ResourceType,
    BillingCurrency,
    effective_cost
FROM (
    SELECT
        ProviderName,
        ServiceName,
        ResourceId,
        ResourceName,
        ResourceType,
        BillingCurrency,
        effective_cost,
        row_number() OVER (
            PARTITION BY BillingCurrency
            ORDER BY
                effective_cost DESC NULLS LAST,
                ProviderName ASC NULLS LAST,
                ServiceName ASC NULLS LAST,
                ResourceId ASC NULLS LAST,
                ResourceName ASC NULLS LAST,
                ResourceType ASC NULLS LAST
        ) AS place
    FROM (
        SELECT
            ProviderName,
            ServiceName,
            ResourceId,
            ResourceName,
            ResourceType,
            BillingCurrency,
            sum(EffectiveCost) AS effective_cost
        FROM charges
        WHERE BillingPeriodStart >= :month.begin
            AND BillingPeriodStart < :month.end
            AND ResourceId IS NOT NULL
        GROUP BY 1, 2, 3, 4, 5, 6
    ) AS summed
) AS ranked
WHERE place <= :most
ORDER BY
    BillingCurrency ASC NULLS LAST,
    place ASC NULLS LAST
