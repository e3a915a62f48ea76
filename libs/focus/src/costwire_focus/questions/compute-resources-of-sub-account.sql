-- Which machines of one sub account cost most in a month, and how much were they used?
-- parameter sub_account: text = commonest SubAccountId where ServiceCategory = 'Compute'
-- parameter month: month = newest
-- parameter most: number = 100
SELECT
    ServiceName,
    ResourceId,
    ResourceName,
    PricingUnit,
    BillingCurrency,
    first_charge,
    last_charge,
    quantity,
    effective_cost
FROM (
    SELECT
        ServiceName,
        ResourceId,
        ResourceName,
        PricingUnit,
        BillingCurrency,
        first_charge,
        last_charge,
        quantity,
        effective_cost,
        row_number() OVER (
            PARTITION BY BillingCurrency
            ORDER BY
                effective_cost DESC NULLS LAST,
                ServiceName ASC NULLS LAST,
                ResourceId ASC NULLS LAST,
                ResourceName ASC NULLS LAST,
                PricingUnit ASC NULLS LAST
        ) AS place
    FROM (
        SELECT
            ServiceName,
            ResourceId,
            ResourceName,
            PricingUnit,
            BillingCurrency,
            min(ChargePeriodStart) AS first_charge,
            max(ChargePeriodEnd) AS last_charge,
            sum(PricingQuantity) AS quantity,
            sum(EffectiveCost) AS effective_cost
        FROM charges
        WHERE BillingPeriodStart >= :month.begin
            AND BillingPeriodStart < :month.end
            AND SubAccountId = :sub_account
            AND ServiceCategory = 'Compute'
        GROUP BY 1, 2, 3, 4, 5
    ) AS summed
) AS ranked
WHERE place <= :most
ORDER BY
    BillingCurrency ASC NULLS LAST,
    place ASC NULLS LAST
