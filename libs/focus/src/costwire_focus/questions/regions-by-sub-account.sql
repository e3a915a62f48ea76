-- In which regions does each sub account have charges, and do they belong there?
-- parameter month: month = newest
SELECT
    ProviderName,
    SubAccountId,
    SubAccountName,
    RegionId,
    RegionName,
    BillingCurrency,
    count(*) AS charges_counted,
    sum(EffectiveCost) AS effective_cost
FROM charges
WHERE BillingPeriodStart >= :month.begin
    AND BillingPeriodStart < :month.end
GROUP BY 1, 2, 3, 4, 5, 6
ORDER BY
    ProviderName ASC NULLS LAST,
    SubAccountId ASC NULLS LAST,
    SubAccountName ASC NULLS LAST,
    RegionId ASC NULLS LAST,
    RegionName ASC NULLS LAST,
    BillingCurrency ASC NULLS LAST
