-- How much was used of resources of each make, such as a number of cores or a type of disk?
-- parameter month: month = newest
SELECT
    ProviderName,
    ServiceName,
    RegionName,
    SkuPriceDetails,
    PricingUnit,
    count(*) AS charges_counted,
    sum(PricingQuantity) AS quantity
FROM charges
WHERE BillingPeriodStart >= :month.begin
    AND BillingPeriodStart < :month.end
    AND SkuPriceDetails IS NOT NULL
    AND ChargeCategory = 'Usage'
GROUP BY 1, 2, 3, 4, 5
ORDER BY
    ProviderName ASC NULLS LAST,
    ServiceName ASC NULLS LAST,
    RegionName ASC NULLS LAST,
    SkuPriceDetails ASC NULLS LAST,
    PricingUnit ASC NULLS LAST
