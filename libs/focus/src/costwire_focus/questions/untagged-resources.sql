-- Which resources lack a tag and cost most, in each currency?
-- parameter tag: tag = team
-- parameter month: month = newest
-- parameter most: number = 25
SELECT
    ProviderName,
    SubAccountName,
    ServiceName,
    ResourceId,
    BillingCurrency,
    effective_cost
FROM (
    SELECT
        ProviderName,
        SubAccountName,
        ServiceName,
        ResourceId,
        BillingCurrency,
        effective_cost,
        row_number() OVER (
            PARTITION BY BillingCurrency
            ORDER BY
                effective_cost DESC NULLS LAST,
                ProviderName ASC NULLS LAST,
                SubAccountName ASC NULLS LAST,
                ServiceName ASC NULLS LAST,
                ResourceId ASC NULLS LAST
        ) AS place
    FROM (
        SELECT
            ProviderName,
            SubAccountName,
            ServiceName,
            ResourceId,
            BillingCurrency,
            sum(EffectiveCost) AS effective_cost
        FROM charges
        WHERE BillingPeriodStart >= :month.begin
            AND BillingPeriodStart < :month.end
            AND ResourceId IS NOT NULL
            AND CAST(Tags[:tag] AS TEXT) IS NULL
        GROUP BY 1, 2, 3, 4, 5
    ) AS summed
) AS ranked
WHERE place <= :most
ORDER BY
    BillingCurrency ASC NULLS LAST,
    place ASC NULLS LAST
