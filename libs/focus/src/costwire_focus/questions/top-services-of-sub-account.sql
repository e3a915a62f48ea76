-- Which services cost one sub account most in a month, in each currency?
-- parameter sub_account: text = commonest SubAccountId
-- parameter month: month = newest
-- parameter most: number = 10
SELECT
    SubAccountName,
    ServiceName,
    BillingCurrency,
    effective_cost
FROM (
    SELECT
        SubAccountName,
        ServiceName,
        BillingCurrency,
        effective_cost,
        row_number() OVER (
            PARTITION BY BillingCurrency
            ORDER BY
                effective_cost DESC NULLS LAST,
                SubAccountName ASC NULLS LAST,
                ServiceName ASC NULLS LAST
        ) AS place
    FROM (
        SELECT
            SubAccountName,
            ServiceName,
            BillingCurrency,
            sum(EffectiveCost) AS effective_cost
        FROM charges
        WHERE BillingPeriodStart >= :month.begin
            AND BillingPeriodStart < :month.end
            AND SubAccountId = :sub_account
        GROUP BY 1, 2, 3
    ) AS summed
) AS ranked
WHERE place <= :most
ORDER BY
    BillingCurrency ASC NULLS LAST,
    place ASC NULLS LAST
