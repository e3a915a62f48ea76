-- What is the cost of one resource made of?
-- parameter resource: text = commonest ResourceId
-- parameter to: month = newest
-- parameter from: month = to-11
SELECT
    ResourceName,
    ResourceType,
    SkuId,
    ChargeDescription,
    BillingCurrency,
    count(*) AS charges_counted,
    sum(EffectiveCost) AS effective_cost
FROM charges
WHERE BillingPeriodStart >= :from.begin
    AND BillingPeriodStart < :to.end
    AND ResourceId = :resource
GROUP BY 1, 2, 3, 4, 5
ORDER BY
    BillingCurrency ASC NULLS LAST,
    effective_cost DESC NULLS LAST,
    ResourceName ASC NULLS LAST,
    ResourceType ASC NULLS LAST,
    SkuId ASC NULLS LAST,
    ChargeDescription ASC NULLS LAST
